import type { ExecutionResult } from "graphql";

/** Whether the client has what the frame brought; a field within it may have failed. */
export function isShown({ data }: ExecutionResult): boolean {
  return data != null && Object.values(data).every((frame) => frame !== null);
}

const DONE = { done: true, value: undefined } as const;

/**
 * The frames of a subscription up to the first that failed: it is the last one. What it should have brought must come
 * again, and the cursors of frames after it would leave that out. No generator: `return()` of one waits for the frame it
 * stands at, which may never come.
 * @param comeBack called before the end where the client is to subscribe again: when they end by themselves, as no
 * subscription has an end of its own, and after a failure that trying again may mend. The end waits for it.
 */
export function untilUnshown(
  frames: AsyncIterable<ExecutionResult>,
  comeBack: () => Promise<void>,
): AsyncIterableIterator<ExecutionResult, undefined> {
  const iterator = frames[Symbol.asyncIterator]();
  let over = false;
  let mendable = false;
  const end = async (): Promise<IteratorReturnResult<undefined>> => {
    over = true;
    mendable = false;
    await iterator.return?.();
    return DONE;
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const { done, value } = over ? DONE : await iterator.next();
      if (done) {
        if (mendable || !over) await comeBack();
        return DONE;
      }
      if (!isShown(value)) {
        await end();
        mendable = (value.errors ?? []).every(({ extensions }) => extensions["retryable"] === true);
      }
      return { done: false, value };
    },
    return: end,
  };
}
