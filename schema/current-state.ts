import DataLoader from "dataloader";
import { systemClock } from "../src/log/clock.ts";
import type { GraphQLContext } from "./context.ts";

/** How long an answer is shared, in milliseconds: a frame to ten thousand subscribers is sent within this. */
const SHARED_MS = 1_000;
const MOST_SHARED = 4_096;
const BATCH = 500;

interface Wanted<Key> {
  readonly id: string;
  readonly key: Key;
  readonly query: object;
  /** The query as text: subscribers whose documents ask for the same share an answer. */
  readonly shape: string;
  /** The place in the log that the answer must not be older than. */
  readonly asOf: string;
}

/**
 * Rows as they are now, for the frames of subscriptions: loaded once per process, change and shape of the question,
 * however many subscribers show them.
 */
export class CurrentState<Key, Row> {
  readonly #loader: DataLoader<Wanted<Key>, Row | null, string>;
  readonly #idOf: (key: Key) => string;

  /** @param load rows of the keys, in any order; `query` is what Pothos selects. */
  constructor(idOf: (key: Key) => string, load: (keys: readonly Key[], query: object) => Promise<[Key, Row][]>) {
    this.#idOf = idOf;
    this.#loader = new DataLoader((wanted) => loadByShape(wanted, load, idOf), {
      cacheKeyFn: ({ asOf, id, shape }) => `${asOf} ${id} ${shape}`,
      cacheMap: new ShortMemory<Promise<Row | null>>(),
      maxBatchSize: BATCH,
    });
  }

  /** The row as it is at `asOf` or later; null when there is none. */
  load(key: Key, asOf: string | number, query: object): Promise<Row | null> {
    return this.#loader.load({ id: this.#idOf(key), key, query, shape: JSON.stringify(query), asOf: String(asOf) });
  }
}

async function loadByShape<Key, Row>(
  wanted: readonly Wanted<Key>[],
  load: (keys: readonly Key[], query: object) => Promise<[Key, Row][]>,
  idOf: (key: Key) => string,
): Promise<(Row | null)[]> {
  const rows = new Map<string, Row>();
  for (const [shape, group] of Map.groupBy(wanted, (one) => one.shape)) {
    // Several events of one task ask for the same row.
    const keys = new Map(group.map(({ id, key }) => [id, key]));
    for (const [key, row] of await load([...keys.values()], group[0]?.query ?? {}))
      rows.set(`${idOf(key)} ${shape}`, row);
  }
  return wanted.map(({ id, shape }) => rows.get(`${id} ${shape}`) ?? null);
}

/** Forgets by age and by number, so that a stream that resumes later shows the state of then. */
class ShortMemory<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.until > systemClock.now() ? entry.value : undefined;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: systemClock.now() + SHARED_MS });
    for (const [oldest, { until }] of this.#entries) {
      if (this.#entries.size <= MOST_SHARED && until > systemClock.now()) break;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** Begins a frame. A stream's context lives long: what it has loaded for one frame is old for the next. */
export function asNewRequest<Frame extends { readonly cursor: string }>(
  frame: Frame,
  { statusCounts, onFrame }: GraphQLContext,
): Frame {
  statusCounts.clearAll();
  onFrame(frame.cursor);
  return frame;
}
