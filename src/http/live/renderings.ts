import type { Rendering } from "./rendering.ts";

/** Milliseconds for which a rendering is shared. What it shows of current state may be so old, and no more. */
const SHARED_MS = 100;

/** What a frame brings: a cursor, and events or the like. */
export interface Frame {
  readonly cursor: string;
}

interface Shared {
  readonly frame: Frame;
  readonly made: Rendering | Promise<Rendering>;
}

/**
 * The frames that were just rendered. Many groups of subscribers that ask for the same of the same events, and only found
 * them by other filters, share one rendering.
 */
export class Renderings {
  /** By what is asked for, and what of the frame is quickly compared. */
  readonly #shared = new Map<string, Shared>();
  #isArmed = false;

  /** @param key those of one key make the same of the same frame. @param make never rejects: a failure is rendered. */
  of(key: string, frame: Frame, make: () => Rendering | Promise<Rendering>): Rendering | Promise<Rendering> {
    // A frame of state alone shows what is when it is made.
    if (!bringsEvents(frame)) return make();
    // On a busy server groups get what is new one after the other, so that several such frames are under way.
    const id = `${frame.events.length} ${frame.cursor} ${key}`;
    const shared = this.#shared.get(id);
    if (shared && isSame(shared.frame, frame)) return shared.made;
    const made = make();
    const kept = { frame, made };
    this.#shared.set(id, kept);
    this.#forgetSoon();
    // What failed once may go well for the next who asks.
    void Promise.resolve(made).then(({ errors }) => {
      if (errors.length > 0 && this.#shared.get(id) === kept) this.#shared.delete(id);
    });
    return made;
  }

  #forgetSoon(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setTimeout(() => {
      this.#isArmed = false;
      this.#shared.clear();
    }, SHARED_MS).unref();
  }
}

function bringsEvents(frame: Frame): frame is Frame & { readonly events: readonly unknown[] } {
  return "events" in frame && Array.isArray(frame.events) && frame.events.length > 0;
}

/** Whether both bring the very same. Events are the same objects for everyone who gets them when they happen. */
function isSame(one: Frame, other: Frame): boolean {
  if (one.cursor !== other.cursor) return false;
  const others = new Map(Object.entries(other));
  return Object.entries(one).every(([name, value]) => isSamePart(value, others.get(name)));
}

function isSamePart(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((item, i) => item === other[i]);
}
