import { setTimeout as delay } from "node:timers/promises";
import { pick } from "../random.ts";

interface HostileSettings {
  readonly urls: readonly string[];
  /** Of a reader, so that whatever is fair by key has two keys to be fair to. */
  readonly apiKey: string;
  /** How many ask at once. */
  readonly readers: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** An interval of the monotonic clock, in milliseconds. */
export interface Turn {
  readonly from: number;
  readonly until: number;
}

/** They come and go, so that the same race shows its claims with and without them. */
const TURN_MS = 3_000;

const aliases = (count: number, field: string) =>
  `{ ${Array.from({ length: count }, (_, i) => `a${i}: ${field.replace("#", String(i))}`).join(" ")} }`;

/** Each asks for as much as it can: some of it is refused, some is answered in bites, some is never read. */
const DOCUMENTS = [
  "{ tasks(first: 100) { nodes { project { tasks(first: 100) { nodes { project { tasks(first: 100) { nodes { taskId } } } } } } } } }",
  "{ tasks(first: 50) { nodes { taskId project { name } attempts { worker } history { events { type payload } } } } }",
  aliases(190, 'tasks(first: 1, filter: { text: "race task #" }) { totalCount }'),
  aliases(40, "events(first: 100) { events { payload } }"),
  "subscription { taskEvents { cursor events { number payload } } }",
];

/** Runs until the signal; resolves to when they were at it. */
export async function runHostileReaders({ readers, signal, ...settings }: HostileSettings): Promise<Turn[]> {
  const turns: Turn[] = [];
  while (!signal.aborted) {
    const from = performance.now();
    const over = AbortSignal.any([signal, AbortSignal.timeout(TURN_MS)]);
    await Promise.all(Array.from({ length: readers }, () => readUntil(over, settings)));
    turns.push({ from, until: performance.now() });
    await delay(TURN_MS, undefined, { signal }).catch(() => undefined);
  }
  return turns;
}

type Reading = Omit<HostileSettings, "readers" | "signal">;

async function readUntil(over: AbortSignal, { urls, apiKey, random }: Reading): Promise<void> {
  while (!over.aborted) {
    try {
      const response = await fetch(`${pick(urls, random)}/graphql`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          authorization: `Bearer ${apiKey}`,
        },
        body: JSON.stringify({ query: pick(DOCUMENTS, random) }),
        signal: over,
      });
      // A third is never read, to the end of the turn.
      if (random() < 1 / 3) await delay(TURN_MS, undefined, { signal: over });
      else await response.arrayBuffer();
    } catch {
      // Refused, cut off or over: a hostile reader does not mind.
      await delay(20);
    }
  }
}
