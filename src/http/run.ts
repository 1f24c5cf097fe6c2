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

interface Pipeline {
  readonly documents: Documents;
  readonly present: PresentError;
  /** The steps after the look-up, with their plugins. */
  readonly envelop: (context: RequestContext & { readonly params: OperationParams }) => {
    readonly schema: ExecutionArgs["schema"];
    readonly contextFactory: () => unknown;
    readonly execute: (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;
  };
}

export function createRun({ documents, present, envelop }: Pipeline): Run {
  async function execute(params: OperationParams, context: RequestContext): Promise<ExecutionResult | null> {
    const document = documents.lookUp(params.query);
    const kind = getOperationAST(document, params.operationName)?.operation;
    if (kind === undefined) throw badRequest("Could not determine what operation to execute.");
    if (kind === OperationTypeNode.SUBSCRIPTION) return null;
    const faults = documents.faultsOf(document);
    if (faults.length > 0) return { errors: faults };
    const { schema, contextFactory, execute } = envelop({ ...context, params });
    return await execute({
      schema,
      document,
      contextValue: await contextFactory(),
      variableValues: params.variables ?? undefined,
      operationName: params.operationName ?? undefined,
    });
  }

  return async (params, context) => {
    try {
      const result = await execute(params, context);
      return result?.errors ? { ...result, errors: result.errors.map(present) } : result;
    } catch (error) {
      return { errors: [present(error)] };
    }
  };
}

const badRequest = (message: string) => new GraphQLError(message, { extensions: { http: { status: 400 } } });
