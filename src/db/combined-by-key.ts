import { DocketError } from "../errors.ts";
import { keptFor } from "../kept-for.ts";
import { type CombinerOptions, combiner } from "./combiner.ts";
import type { Db } from "./database.ts";
import { asRequester, currentRequester, Requester } from "./requester.ts";

/** A request that a batch may carry. */
interface Combinable {
  /** What it is known by when it is sent again; null: it may be done once only. */
  readonly kept: object | null;
}

type Batch<Request, Result> = (
  take: () => readonly Request[],
  options: { readonly idempotent: boolean },
) => Promise<readonly Result[]>;

/**
 * Combines requests with others of the same API key, so that a batch takes that key's turns: the ones whose answers are kept
 * apart from the others, as only then a batch may be sent again.
 * @returns what asks: `inCommon` is what all of a batch have in common beside that; `run` answers a batch, and is used where
 *   no such batch is under way.
 */
export function combinedByKey<Request extends Combinable, Result>(
  options: Omit<CombinerOptions<Result>, "onIdle" | "separable">,
): (db: Db, request: Request, inCommon: readonly unknown[], run: Batch<Request, Result>) => Promise<Result> {
  // Each is there as long as something waits.
  const waiting = keptFor((_db: Db) => new Map<string, (request: Request) => Promise<Result>>());
  return (db, request, inCommon, run) => {
    const requester = currentRequester();
    const idempotent = request.kept !== null;
    const name = JSON.stringify([String(requester?.key), idempotent, ...inCommon]);
    const asked = waiting(db);
    const ask =
      asked.get(name) ??
      combiner<Request, Result>((take) => asOneOf(requester, () => run(take, { idempotent })), {
        ...options,
        // What the database cannot do now, it cannot do for each alone either.
        separable: (error) => !(error instanceof DocketError),
        onIdle: () => void asked.delete(name),
      });
    asked.set(name, ask);
    return ask(request);
  };
}

/** A row of the answer to a batch: `place` is that of its request, from 1. */
interface Placed {
  readonly place: number;
}

/** The row of each request of a batch, in their order, without its place; null where there is none. */
export function rowOfEach<Row extends Placed>(
  batch: readonly unknown[],
  rows: readonly Row[],
): (Omit<Row, "place"> | null)[] {
  const found = new Map(rows.map(({ place, ...row }) => [place, row]));
  return batch.map((_, i) => found.get(i + 1) ?? null);
}

/** As a request of the same key. */
const asOneOf = <T>(requester: Requester | undefined, work: () => T): T =>
  requester ? asRequester(new Requester(requester.key, { limited: requester.limited }), work) : work();
