import type { ExecutionResult } from "graphql";

/** Whether the client has what the frame brought; a field within it may have failed. */
export function isShown({ data }: ExecutionResult): boolean {
  return data != null && Object.values(data).every((frame) => frame !== null);
}

/**
 * The frames of a subscription up to the first that failed: it is the last one. What it should have brought must come
 * again, and the cursors of frames after it would leave that out. No generator: `return()` of one waits for the frame it
 * stands at, which may never come.
 * @param endedByServer called when they end by themselves, as no subscription has an end of its own; the end waits for it.
 */
export function untilUnshown(
  frames: AsyncIterable<ExecutionResult>,
  endedByServer: () => Promise<void>,
): AsyncIterableIterator<ExecutionResult, undefined> {
  const iterator = frames[Symbol.asyncIterator]();
  let over = false;
  const end = async (): Promise<IteratorReturnResult<undefined>> => {
    over = true;
    await iterator.return?.();
    return { done: true, value: undefined };
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (over) return { done: true, value: undefined };
      const { done, value } = await iterator.next();
      if (done) {
        if (!over) await endedByServer();
        return { done, value: undefined };
      }
      if (!isShown(value)) await end();
      return { done: false, value };
    },
    return: end,
  };
}
