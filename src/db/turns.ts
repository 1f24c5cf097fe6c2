import type { DocketError } from "../errors.ts";
import type { Requester } from "./requester.ts";

interface Waiting {
  /** The answer gives the place back. */
  readonly resolve: (giveBack: () => void) => void;
  readonly reject: (error: unknown) => void;
}

/** What one requester waits for. */
interface Line {
  readonly requester: Requester;
  /** As it was when the first of them came. */
  readonly key: string | symbol;
  readonly waiting: Waiting[];
  /** Bytes that its requester had read when it was looked at last. */
  held: number;
}

/** Bytes that the requests of one key may have read while they wait to read more. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;

/**
 * Places that are given in turns: round robin by key, and among the requesters of one key round robin again, so that
 * however much one of them asks for, the next place goes to another. All requests of one key have a third of the places
 * at most, and one request of them half of those, so that another key does not wait for a statement to end. More would
 * not serve the key sooner: its statements share the processors of the database, and so many of them would keep
 * everyone else's waiting there instead. What requests have read stays in memory while they wait: a key that holds too
 * much of it finishes what it has begun before it begins anything else, the largest first.
 */
export class Turns {
  #free: number;
  readonly #mostOfKey: number;
  readonly #mostOfRequest: number;
  readonly #lines = new Map<Requester, Line>();
  /** Lines whose requester may have another place, in the order of their turns, by key in the order of theirs. */
  readonly #ready = new Map<string | symbol, Set<Line>>();
  readonly #taken = new Map<string | symbol, number>();
  readonly #held = new Map<string | symbol, number>();

  constructor(places: number) {
    this.#free = places;
    // One place is enough: no requester asks for a second while it holds one.
    this.#mostOfKey = Math.max(1, Math.floor(places / 3));
    this.#mostOfRequest = Math.max(1, Math.floor(this.#mostOfKey / 2));
  }

  /** Resolves when it is the requester's turn, with what gives the place back. @throws what it was sent away with */
  take(requester: Requester): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (requester.stopped) return reject(requester.stopped);
      requester.refuseWaiting = (reason) => this.#refuse(requester, reason);
      const line = this.#lines.get(requester) ?? { requester, key: requester.key, waiting: [], held: 0 };
      this.#lines.set(requester, line);
      line.waiting.push({ resolve, reject });
      this.#lineUp(line);
      this.#serve();
    });
  }

  /** Sends away all that the requester waits for. */
  #refuse(requester: Requester, error: DocketError): void {
    const line = this.#lines.get(requester);
    if (!line) return;
    this.#forget(line);
    const ready = this.#ready.get(line.key);
    ready?.delete(line);
    if (ready?.size === 0) this.#ready.delete(line.key);
    for (const { reject } of line.waiting.splice(0)) reject(error);
    // The places that it held may have kept others waiting.
    this.#serve();
  }

  /** Lets a line wait for its turn, if there is something to wait for and its requester may have more. */
  #lineUp(line: Line): void {
    const { requester, key, waiting } = line;
    if (waiting.length === 0) {
      this.#forget(line);
      return;
    }
    this.#hold(line, requester.bytes);
    if (requester.connections >= (requester.limited ? this.#mostOfRequest : this.#mostOfKey)) return;
    const lines = this.#ready.get(key) ?? new Set();
    lines.add(line);
    this.#ready.set(key, lines);
  }

  #forget(line: Line): void {
    this.#hold(line, 0);
    this.#lines.delete(line.requester);
  }

  #hold(line: Line, bytes: number): void {
    const held = (this.#held.get(line.key) ?? 0) + bytes - line.held;
    line.held = bytes;
    if (held > 0) this.#held.set(line.key, held);
    else this.#held.delete(line.key);
  }

  #serve(): void {
    while (this.#free > 0) {
      const line = this.#next();
      const first = line?.waiting.shift();
      if (!line || !first) return;
      const { requester, key } = line;
      this.#free--;
      this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1);
      requester.take();
      this.#lineUp(line);
      first.resolve(() => this.#giveBack(requester, key));
    }
  }

  /** The line whose turn it is, moved behind all others. */
  #next(): Line | undefined {
    for (const [key, lines] of this.#ready) {
      const [first] = lines;
      const line = (this.#held.get(key) ?? 0) > MOST_HELD_BYTES ? largestHeld(lines) : first;
      if (!line || (line.requester.limited && (this.#taken.get(key) ?? 0) >= this.#mostOfKey)) continue;
      this.#ready.delete(key);
      lines.delete(line);
      if (lines.size > 0) this.#ready.set(key, lines);
      return line;
    }
    return undefined;
  }

  #giveBack(requester: Requester, key: string | symbol): void {
    requester.giveBack();
    this.#free++;
    const taken = (this.#taken.get(key) ?? 0) - 1;
    if (taken > 0) this.#taken.set(key, taken);
    else this.#taken.delete(key);
    const line = this.#lines.get(requester);
    if (line) this.#lineUp(line);
    this.#serve();
  }
}

/** Of those that hold something; undefined when all that do have as many places as they may. */
function largestHeld(lines: Iterable<Line>): Line | undefined {
  let found: Line | undefined;
  for (const line of lines) if (line.held > (found?.held ?? 0)) found = line;
  return found;
}
