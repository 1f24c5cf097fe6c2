import { background, currentRequester, type Requester } from "../db/requester.ts";

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly requester: Requester | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface CombinerOptions {
  readonly largestBatch: number;
  /** Whether a batch that failed so is tried request by request, because one of them alone may be the cause. */
  readonly separable: (error: unknown) => boolean;
}

/**
 * Requests that come while a batch is under way wait and go together in the next one: the busier it is, the fewer
 * transactions it takes. `run` answers the requests in order.
 */
export function combiner<Request, Result>(
  run: (requests: readonly Request[]) => Promise<readonly Result[]>,
  { largestBatch, separable }: CombinerOptions,
): (request: Request) => Promise<Result> {
  let queue: Waiting<Request, Result>[] = [];
  // A batch is for many; the one that was first must not be charged for it, nor end it by its own limits.
  const asBatch = background("combined requests");
  let busy = false;

  async function work() {
    while (queue.length > 0) await answer(nextBatch());
    busy = false;
  }

  /** Keys take turns, as for connections: none waits for all that another has asked. */
  function nextBatch(): Waiting<Request, Result>[] {
    const byKey = [...Map.groupBy(queue, ({ requester }) => requester?.key).values()];
    const longest = Math.max(...byKey.map(({ length }) => length));
    const inTurns = Array.from({ length: longest }, (_, turn) => byKey.flatMap((of) => of[turn] ?? [])).flat();
    const batch = inTurns.slice(0, largestBatch);
    const taken = new Set(batch);
    queue = queue.filter((waiting) => !taken.has(waiting));
    return batch;
  }

  async function answer(asked: readonly Waiting<Request, Result>[]): Promise<void> {
    // A request whose caller went away meanwhile is given nothing.
    const batch = asked.filter(({ requester }) => !requester?.stopped);
    for (const { requester, reject } of asked) if (requester?.stopped) reject(requester.stopped);
    if (batch.length === 0) return;
    try {
      const results = await run(batch.map(({ request }) => request));
      batch.forEach(({ requester, resolve, reject }, i) => {
        if (requester) requester.wrote = true;
        const result = results[i];
        if (result === undefined) reject(new Error("The batch answered fewer requests than it was given"));
        else resolve(result);
      });
    } catch (error) {
      if (batch.length > 1 && separable(error)) for (const waiting of batch) await answer([waiting]);
      else for (const { reject } of batch) reject(error);
    }
  }

  return (request) =>
    new Promise((resolve, reject) => {
      queue.push({ request, requester: currentRequester(), resolve, reject });
      if (busy) return;
      busy = true;
      // At the end of the turn, so that what was asked in one burst goes together.
      setImmediate(() => void asBatch(work));
    });
}
