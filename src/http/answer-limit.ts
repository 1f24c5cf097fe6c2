import type { ExecutionResult } from "graphql";
import { handleStreamOrSingleExecutionResult, type Plugin } from "graphql-yoga";
import { currentRequester } from "../db/requester.ts";
import { answerTooLarge, LARGEST_ANSWER_BYTES } from "../db/too-much.ts";
import type { PresentError } from "./present-error.ts";

/**
 * Refuses an answer that is too large, before it becomes text. The rows that are read for
 * it are limited already, but a long text of theirs may stand in an answer many times.
 */
export function useAnswerLimit(present: PresentError): Plugin {
  const limited = ({ result, setResult }: Result) => {
    if (isTooLarge(result)) setResult({ data: null, errors: [present(answerTooLarge(currentRequester()))] });
  };
  return {
    onExecute: () => ({ onExecuteDone: (done) => handleStreamOrSingleExecutionResult(done, limited) }),
  };
}

/** Whether an answer, or a frame of a subscription, is not sent for its size. */
export const isTooLarge = ({ data }: Pick<ExecutionResult, "data">) => roomLeft(data, LARGEST_ANSWER_BYTES) < 0;

interface Result {
  readonly result: ExecutionResult;
  readonly setResult: (refusal: ExecutionResult) => void;
}

/** What is left of `room` bytes beside the value as JSON; stops looking below nothing. */
function roomLeft(value: unknown, room: number): number {
  if (typeof value === "string") return room - jsonBytes(value);
  if (typeof value !== "object" || value === null) return room - String(value).length;
  let left = room - 2;
  for (const [name, part] of Object.entries(value)) {
    left = roomLeft(part, left - (Array.isArray(value) ? 1 : jsonBytes(name) + 2));
    if (left < 0) break;
  }
  return left;
}

/** What JSON writes with an escape: quotes, control characters and surrogates that stand alone. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u;

const jsonBytes = (text: string) =>
  ESCAPED.test(text) ? Buffer.byteLength(JSON.stringify(text)) : Buffer.byteLength(text) + 2;
