import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
} from "graphql";
import { handleStreamOrSingleExecutionResult, type Plugin } from "graphql-yoga";
import { unkept } from "../../client/exact-json.ts";
import { costOf } from "../../schema/cost.ts";
import { WHOLE_SCHEMA_COST } from "../../schema/introspection-cost.ts";
import { currentRequester } from "../db/requester.ts";
import { badInput, DocketError } from "../errors.ts";
import { keptFor } from "../kept-for.ts";
import { BAD_REQUEST } from "./document-limits.ts";
import type { PresentError } from "./present-error.ts";
import type { RequestContext } from "./request-context.ts";

/** Entries of lists that an operation may ask for together, and a subscription in each frame. */
const MOST_NODES = 20_000;
/** Fields of these entries: each takes its time, also one that reads nothing. */
const MOST_VALUES = 400_000;

/** Refuses operations beyond the limits before anything is read, whatever way they came. */
export function useQueryLimits(present: PresentError): Plugin<Pick<RequestContext, "tellCost">> {
  return {
    onExecute({ args, context, setResultAndStopExecution: refuse }) {
      const cost = withinLimits(args);
      if (cost instanceof DocketError) refuse({ errors: [present(cost)] });
      else if (context.tellCost)
        return { onExecuteDone: (done) => handleStreamOrSingleExecutionResult(done, tell(cost)) };
      return undefined;
    },
    onSubscribe({ args, setResultAndStopExecution: refuse }) {
      const cost = withinLimits(args);
      if (cost instanceof DocketError) refuse({ errors: [present(cost)] });
    },
  };
}

/** What the operation costs, or why it is not executed. */
function withinLimits(args: Operation): number | DocketError {
  try {
    return judge(args);
  } catch (error) {
    if (error instanceof DocketError)
      return new DocketError(error.code, error.message, { ...error.details, http: BAD_REQUEST });
    throw error;
  }
}

/** @throws BAD_USER_INPUT, QUERY_TOO_COMPLEX */
function judge({ schema, document, operationName, variableValues }: Operation): number {
  const operation = getOperationAST(document, operationName);
  // Execution says which one is missing.
  if (!operation) return 0;
  const what = unkept(variableValues);
  if (what) throw badInput(`The variables contain ${what}`);
  const { nodes, values, most, remedy } = operation.variableDefinitions?.length
    ? costOf(schema, { document, operation, variables: variableValues ?? {} })
    : costWithoutVariables(operation, schema, document);
  const requester = currentRequester();
  if (requester) requester.price = { nodes, most, share: Math.max(nodes / MOST_NODES, values / MOST_VALUES) };
  const tooMuch = (cost: number, limit: number, what: string) =>
    new DocketError(
      "QUERY_TOO_COMPLEX",
      `This operation costs ${cost}: ${what}; at most ${limit} are allowed. Most of it is ${most}: ${remedy}, ` +
        "select less of it, or ask in several requests.",
      { cost, most, limit },
    );
  if (nodes > MOST_NODES)
    throw tooMuch(
      nodes,
      MOST_NODES,
      "it asks for so many entries of lists, page sizes multiplied along each path " +
        `(of the whole schema, as tools ask for it, ${WHOLE_SCHEMA_COST})`,
    );
  if (values > MOST_VALUES)
    throw tooMuch(
      values,
      MOST_VALUES,
      "it asks for so many values, each field once for every entry of the lists on its path",
    );
  return nodes;
}

/** It costs the same each time. */
const costWithoutVariables = keptFor(
  (operation: OperationDefinitionNode, schema: GraphQLSchema, document: DocumentNode) =>
    costOf(schema, { document, operation, variables: {} }),
);

type Operation = Pick<ExecutionArgs, "schema" | "document" | "operationName" | "variableValues">;

interface Result {
  readonly result: ExecutionResult;
  readonly setResult: (result: ExecutionResult) => void;
}

const tell =
  (cost: number) =>
  ({ result, setResult }: Result) =>
    setResult({ ...result, extensions: { ...result.extensions, cost } });
