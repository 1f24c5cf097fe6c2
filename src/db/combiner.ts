import { background, currentRequester, type Requester } from "./requester.ts";
import { toAll } from "./timed.ts";

interface Waiting<Request, Result> {
  readonly request: Request;
  readonly requester: Requester | undefined;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface CombinerOptions<Result> {
  readonly largestBatch: number;
  /** Whether a batch that failed so is tried request by request, because one of them alone may be the cause. */
  readonly separable: (error: unknown) => boolean;
  /** Whether something was written for a request that has this result; by default for each. */
  readonly wrote?: (result: Result) => boolean;
  /** Called when nothing waits any more. */
  readonly onIdle?: () => void;
}

/**
 * Requests that come while a batch is under way wait and go together in the next one: the busier it is, the fewer
 * transactions it takes.
 * @param run answers, in order, the requests that `take` returns. They are chosen when it is first called: what has come by
 *   then goes along, and a request whose caller has gone away by then is given nothing. Later calls return the same.
 */
export function combiner<Request, Result>(
  run: (take: () => readonly Request[]) => Promise<readonly Result[]>,
  { largestBatch, separable, wrote = () => true, onIdle = () => undefined }: CombinerOptions<Result>,
): (request: Request) => Promise<Result> {
  type Asked = Waiting<Request, Result>;
  let queue: Asked[] = [];
  // A batch is for many; the one that was first must not be charged for it, nor end it by its own limits.
  const asBatch = background("combined requests");
  let busy = false;

  async function work() {
    for (;;) {
      queue = thoseWhoStayed(queue);
      if (queue.length === 0) break;
      await answer(nextBatch);
    }
    busy = false;
    onIdle();
  }

  /** Keys take turns, as for connections: none waits for all that another has asked. */
  function nextBatch(): Asked[] {
    queue = thoseWhoStayed(queue);
    const byKey = [...Map.groupBy(queue, ({ requester }) => requester?.key).values()];
    const longest = Math.max(0, ...byKey.map(({ length }) => length));
    const inTurns = Array.from({ length: longest }, (_, turn) => byKey.flatMap((of) => of[turn] ?? [])).flat();
    const batch = inTurns.slice(0, largestBatch);
    const taken = new Set(batch);
    queue = queue.filter((waiting) => !taken.has(waiting));
    return batch;
  }

  /** Sends away those whose caller went away meanwhile. */
  function thoseWhoStayed(asked: readonly Asked[]): Asked[] {
    for (const { requester, reject } of asked) if (requester?.stopped) reject(requester.stopped);
    return asked.filter(({ requester }) => !requester?.stopped);
  }

  async function answer(choose: () => readonly Asked[]): Promise<void> {
    let chosen: readonly Asked[] | undefined;
    const batch = () => {
      chosen ??= thoseWhoStayed(choose());
      return chosen;
    };
    const take = () => {
      // Each of them hears of the statements that are theirs together.
      const sender = currentRequester();
      if (sender) sender.onStatement = toAll(batch().map(({ requester }) => requester?.onStatement));
      return batch().map(({ request }) => request);
    };
    try {
      const results = await run(take);
      for (const [i, { requester, resolve, reject }] of batch().entries()) {
        const result = results[i];
        if (result === undefined) reject(new Error("The batch answered fewer requests than it was given"));
        else {
          if (requester && wrote(result)) requester.wrote = true;
          resolve(result);
        }
      }
    } catch (error) {
      if (batch().length > 1 && separable(error))
        for (const waiting of batch()) {
          if (thoseWhoStayed([waiting]).length > 0) await answer(() => [waiting]);
        }
      else for (const { reject } of batch()) reject(error);
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
