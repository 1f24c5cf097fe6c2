import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST, OperationTypeNode } from "graphql";
import type { Documents } from "./documents.ts";
import type { PresentError } from "./present-error.ts";
import type { RequestContext } from "./request-context.ts";

/** One operation, as its caller sends it. */
export interface OperationParams {
  /** The text of the document. */
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  /** Which operation of the document; null where it has one only. */
  readonly operationName?: string | null | undefined;
}

/**
 * Answers a query or mutation: what every door does once it knows who asks, within the scope of its request. It looks
 * the document up, and executes the operation with all that belongs to one: limits, cost, masking, the log's note. It
 * never throws: what went wrong stands in `errors`, as the caller may see it, with notes on the HTTP status in
 * `extensions.http`. A subscription is left alone, and null: its stream cannot be had here.
 */
export type Run = (params: OperationParams, context: RequestContext) => Promise<ExecutionResult | null>;

/**
 * The same for a subscription: null once it has begun, and its frames go to `context.frames` as soon as these start. Else
 * what refused it; a query or mutation is left alone.
 */
export type Subscribe = Run;

interface Pipeline {
  readonly documents: Documents;
  readonly present: PresentError;
  /** The steps after the look-up, with their plugins. */
  readonly envelop: (context: RequestContext & { readonly params: OperationParams }) => {
    readonly schema: ExecutionArgs["schema"];
    readonly contextFactory: () => unknown;
    readonly execute: (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;
    readonly subscribe: (args: ExecutionArgs) => Promise<ExecutionResult | AsyncIterable<unknown>>;
  };
}

export function createRun({ documents, present, envelop }: Pipeline): {
  readonly run: Run;
  readonly subscribe: Subscribe;
} {
  async function perform(
    step: "execute" | "subscribe",
    params: OperationParams,
    context: RequestContext,
  ): Promise<ExecutionResult | null> {
    const document = documents.lookUp(params.query);
    const kind = getOperationAST(document, params.operationName)?.operation;
    if (kind === undefined) throw badRequest("Could not determine what operation to execute.");
    if ((kind === OperationTypeNode.SUBSCRIPTION) !== (step === "subscribe")) return null;
    const faults = documents.faultsOf(document);
    if (faults.length > 0) return { errors: faults };
    const { schema, contextFactory, ...steps } = envelop({ ...context, params });
    const result = await steps[step]({
      schema,
      document,
      contextValue: await contextFactory(),
      variableValues: params.variables ?? undefined,
      operationName: params.operationName ?? undefined,
    });
    return Symbol.asyncIterator in result ? null : result;
  }

  const doing =
    (step: "execute" | "subscribe"): Run =>
    async (params, context) => {
      try {
        const result = await perform(step, params, context);
        return result?.errors ? { ...result, errors: result.errors.map(present) } : result;
      } catch (error) {
        return { errors: [present(error)] };
      }
    };
  return { run: doing("execute"), subscribe: doing("subscribe") };
}

const badRequest = (message: string) => new GraphQLError(message, { extensions: { http: { status: 400 } } });
