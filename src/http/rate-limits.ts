import { type ExecutionArgs, type ExecutionResult, getOperationAST } from "graphql";
import { handleStreamOrSingleExecutionResult, type Plugin } from "graphql-yoga";
import { type RateLimits, requireFields } from "../access/rate-limits.ts";
import type { PresentError } from "./present-error.ts";
import { currentScope } from "./request-scope.ts";
import { rootFieldsOf } from "./root-fields.ts";

/** Counts the root fields of each key, whatever door they come by, and says by its status what was refused whole. */
export function useRateLimits(limits: RateLimits, present: PresentError): Plugin {
  return {
    onExecute({ args, setResultAndStopExecution: refuse }) {
      const refusal = judge(limits, args);
      if (refusal !== undefined) return refuse(withStatus({ errors: [present(refusal)] }));
      return {
        onExecuteDone: (done) =>
          handleStreamOrSingleExecutionResult(done, ({ result, setResult }) => {
            if (result.errors) setResult(withStatus({ ...result, errors: result.errors.map(present) }));
          }),
      };
    },
    onSubscribe({ args, setResultAndStopExecution: refuse }) {
      const refusal = judge(limits, args);
      if (refusal !== undefined) refuse(withStatus({ errors: [present(refusal)] }));
    },
  };
}

type Operation = Pick<ExecutionArgs, "document" | "operationName">;

/** Why the operation is not executed; undefined when it may be. */
function judge(limits: RateLimits, { document, operationName }: Operation): unknown {
  const actor = currentScope()?.authentication?.viewer.actor;
  const operation = getOperationAST(document, operationName);
  if (actor === undefined || !operation) return undefined;
  try {
    return void requireFields(limits, actor, rootFieldsOf(operation, document).length);
  } catch (refusal) {
    return refusal;
  }
}

/**
 * HTTP's 429 for an answer that is nothing but refusals of what was asked too often. One with data beside them stays 200:
 * a client that repeats it whole would do the rest twice.
 */
function withStatus(result: ExecutionResult): ExecutionResult {
  const { errors = [], data } = result;
  const isRefused = errors.every(
    ({ extensions }) => extensions["code"] === "RATE_LIMITED" && "retryAfterMs" in extensions,
  );
  if (errors.length === 0 || !isRefused || Object.values(data ?? {}).some((value) => value !== null)) return result;
  const waitMs = Math.max(...errors.map(({ extensions }) => Number(extensions["retryAfterMs"])));
  for (const { extensions } of errors) extensions["http"] = { status: 429, headers: retryAfter(waitMs) };
  return result;
}

/** In whole seconds, as HTTP has it. */
export const retryAfter = (waitMs: number) => ({ "Retry-After": String(Math.max(1, Math.ceil(waitMs / 1000))) });
