import { getOperationAST } from "graphql";
import { handleStreamOrSingleExecutionResult, type Plugin } from "graphql-yoga";
import type { TraceCarrier } from "../../../client/request.ts";
import { currentRequester } from "../../db/requester.ts";
import type { RequestContext } from "../request-context.ts";
import { type FinishedRequest, isServerFault, shownOperation } from "../request-log.ts";
import { currentScope, type RequestScope } from "../request-scope.ts";
import type { Traces } from "./traces.ts";

/** Begins the span of a request, or of one operation of a WebSocket (`WS`), in the trace that its caller names. */
export function beginRequest(traces: Traces, scope: RequestScope, method: string, from: TraceCarrier): void {
  scope.trace = traces.begin(
    method,
    { ...(method !== "WS" && { "http.request.method": method }), "docket.request_id": scope.requestId },
    from,
  );
  scope.requester.onStatement = scope.trace?.onStatement ?? null;
}

/** Ends it: when its answer has left, or its stream is open, as that may be for days. */
export function endRequest(
  scope: RequestScope,
  request: Pick<FinishedRequest, "path"> & Partial<Pick<FinishedRequest, "statusCode">>,
): void {
  const { trace, code } = scope;
  const { path, statusCode = null } = request;
  scope.trace = null;
  scope.requester.onStatement = null;
  trace?.end({
    target: path,
    code: code ?? (statusCode !== null && statusCode >= 400 ? String(statusCode) : null),
    // What a caller got wrong is no fault of a server's.
    failed: isServerFault(statusCode, code),
    attributes: {
      ...(path !== null && { "http.route": path }),
      ...(statusCode !== null && { "http.response.status_code": statusCode }),
    },
  });
}

/** Begins the span of each operation within that of its request, or of what the request says. */
export function useTraces(): Plugin<RequestContext> {
  const begin = ({ args, context: { scope, trace } }: Operation) => {
    const { document, operationName } = args;
    const operation = getOperationAST(document, typeof operationName === "string" ? operationName : undefined);
    const type = operation?.operation ?? "GraphQL Operation";
    const span = (trace ?? scope.trace)?.begin(type, {
      "graphql.operation.type": type,
      ...(operation?.name && { "graphql.operation.name": copyOf(operation.name.value) }),
    });
    const requester = currentRequester();
    if (!span || !requester) return undefined;
    const { onStatement } = requester;
    requester.onStatement = span.onStatement;
    return (result: object) => {
      requester.onStatement = onStatement;
      const [error] = "errors" in result && Array.isArray(result.errors) ? result.errors : [];
      span.end({ code: error && String(error.extensions?.code ?? "INTERNAL") });
    };
  };
  return {
    onExecute(operation) {
      const end = begin(operation);
      if (!end) return undefined;
      return {
        onExecuteDone: (done) => handleStreamOrSingleExecutionResult(done, ({ result }) => end(result)),
      };
    },
    onSubscribe(operation) {
      const end = begin(operation);
      if (!end) return undefined;
      return {
        onSubscribeResult({ result }) {
          end(result);
          const scope = currentScope();
          if (scope && Symbol.asyncIterator in result) endRequest(scope, { path: scope.path ?? "/graphql" });
        },
      };
    },
  };
}

/**
 * The start of a name, without the document that it stands in: a part of a text keeps all of it, and spans wait where
 * nobody takes them.
 */
const copyOf = (name: string) => Buffer.from(shownOperation(name)).toString("latin1");

interface Operation {
  readonly args: { readonly document: Parameters<typeof getOperationAST>[0]; readonly operationName?: unknown };
  readonly context: RequestContext;
}
