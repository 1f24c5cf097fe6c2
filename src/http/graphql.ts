import { type ExecutionResult, GraphQLError, getOperationAST, OperationTypeNode } from "graphql";
import { createYoga, type Plugin, processRegularResult } from "graphql-yoga";
import type { Logger } from "pino";
import { parseExactly } from "../../client/exact-json.ts";
import { createContext, type GraphQLContext, type Services } from "../../schema/context.ts";
import { schema } from "../../schema/index.ts";
import type { HttpConfig } from "../config/http.ts";
import type { TrustedDocuments } from "../config/trusted-documents.ts";
import { useAnswerLimit } from "./answer-limit.ts";
import { createCors, useCors } from "./cors.ts";
import { Documents, useDocumentIds, useDocuments } from "./documents.ts";
import { useEventStream } from "./event-stream.ts";
import { useSubscriptions } from "./live/subscriptions.ts";
import { useLogCursorFirst } from "./log-cursor-first.ts";
import { createErrorPresenter, type PresentError } from "./present-error.ts";
import { useQueryLimits } from "./query-limits.ts";
import { useRateLimits } from "./rate-limits.ts";
import type { RequestContext } from "./request-context.ts";
import { currentScope } from "./request-scope.ts";
import { rootFieldsOf } from "./root-fields.ts";
import { createRun, type OperationParams } from "./run.ts";
import { useTraces } from "./traces/request.ts";

interface GraphQLServerOptions {
  readonly services: Services;
  readonly http: HttpConfig;
  /** The only documents that are executed; null: all. */
  readonly trustedDocuments: TrustedDocuments | null;
  readonly logger: Logger;
  /** Whether operations have spans. */
  readonly traced: boolean;
}

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;

/** The one way into the schema, for HTTP, server-sent events, WebSockets, the REST routes and the MCP tools. */
export function createGraphQLServer({ services, http, trustedDocuments, logger, traced }: GraphQLServerOptions) {
  const present = createErrorPresenter(logger);
  const documents = new Documents(schema, trustedDocuments);
  const cors = createCors(http);
  const yoga = createYoga<RequestContext, GraphQLContext>({
    schema,
    graphqlEndpoint: "/graphql",
    // Pages and health are routes of our own, and the body was read, and limited, before it comes here.
    graphiql: false,
    landingPage: false,
    // These are Node's own: the stream of Yoga's substitute cannot be piped, and only a pipe tells it of a disconnect.
    fetchAPI: {
      fetch,
      Request,
      Response,
      Headers,
      ReadableStream,
      TransformStream,
      TextEncoder,
      TextDecoder,
      URL,
      FormData,
    },
    multipart: false,
    batching: false,
    maxRequestBodySize: false,
    cors: false,
    extraParamNames: ["documentId"],
    parserAndValidationCache: false,
    logging: false,
    maskedErrors: { maskError: present },
    plugins: [
      useCors(cors, http),
      useJsonParameters(),
      useDocumentIds(),
      useDocuments(documents),
      useRateLimits(services.limits, present),
      useQueryLimits(present),
      useScope(),
      ...(traced ? [useTraces()] : []),
      useSubscriptions(services),
      useLogCursorFirst(),
      usePresentedErrors(present),
      useAnswerLimit(present),
      useEventStream(),
    ],
    context: ({ scope, idempotencyKey, lastEventId }) => {
      const { authentication } = scope;
      if (!authentication) throw new Error("A request reached the schema without authentication");
      return createContext(services, {
        viewer: authentication.viewer,
        correlationId: scope.requestId,
        idempotencyKey,
        lastEventId,
        gone: () => scope.gone,
      });
    },
  });

  return {
    present,
    cors,
    ...createRun({ documents, present, envelop: (context) => yoga.getEnveloped(context) }),
    /** The answer to what `run` gave, with the status that its errors ask for. */
    answer: (result: ExecutionResult, type: string): Response => processRegularResult(result, yoga.fetchAPI, type),
    /** Answers any request of GraphQL over HTTP: JSON, or a stream of server-sent events. */
    fetch: async (request: Request, context: RequestContext): Promise<Response> =>
      await yoga.handleRequest(request, { ...context, waitUntil: yoga.waitUntil }),
    /** The same pipeline step by step, for one operation of a WebSocket. */
    prepare: (params: OperationParams, context: RequestContext) => yoga.getEnveloped({ ...context, params }),
  };
}

/** The parameters of a GET or of a form are parsed without regard for what they hold, and other types without a word. */
function useJsonParameters(): Plugin {
  return {
    onRequestParse({ requestParser: parse, setRequestParser }) {
      if (!parse) {
        const refusal = new GraphQLError("Send the request as Content-Type: application/json.", {
          extensions: { http: { status: 415, spec: false } },
        });
        return setRequestParser(() => Promise.reject(refusal));
      }
      setRequestParser(async (request) => {
        const parameters = await parametersOf(request);
        // Yoga's parser changes numbers beyond double precision before anybody could refuse them.
        request.json = async () => withinStack(await request.text());
        try {
          const params = await parse(request);
          const variables = parameters?.get("variables");
          return variables ? { ...params, variables: parseExactly(variables) as Record<string, unknown> } : params;
        } catch (error) {
          // The stack ends before JSON that is nested thousands deep does.
          if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
          throw new GraphQLError(`The parameters variables and extensions must be JSON objects: ${error.message}`, {
            extensions: { http: { status: 400 } },
          });
        }
      });
    },
  };
}

/** What a GET or a form brings along; undefined for other requests. */
async function parametersOf(request: Request): Promise<URLSearchParams | undefined> {
  if (request.method === "GET") return new URL(request.url).searchParams;
  const form = request.headers.get("content-type")?.startsWith("application/x-www-form-urlencoded");
  return form ? new URLSearchParams(await request.clone().text()) : undefined;
}

/** Tells the request's log line, and the metrics, which operation it was. */
function useScope(): Plugin {
  const note = ({ args }: { args: { document: Parameters<typeof getOperationAST>[0]; operationName?: unknown } }) => {
    const scope = currentScope();
    const name = typeof args.operationName === "string" ? args.operationName : undefined;
    const operation = getOperationAST(args.document, name);
    if (!scope || !operation) return;
    scope.operation = operation.name?.value ?? operation.operation;
    scope.streams = operation.operation === OperationTypeNode.SUBSCRIPTION;
    const fields = rootFieldsOf(operation, args.document);
    // A tool may ask several times.
    scope.fields = scope.fields.length > 0 ? [...scope.fields, ...fields] : fields;
  };
  return { onExecute: note, onSubscribe: note };
}

/** @throws GraphQLError for JSON that is nested thousands deep, before whose end the stack ends. */
function withinStack(text: string): unknown {
  try {
    return parseExactly(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new GraphQLError("The request is nested too deep to be read: JSON values may be 100 levels deep.", {
      extensions: { code: "BAD_USER_INPUT", http: { status: 400 } },
    });
  }
}

/** Syntax and validation errors do not pass through Yoga's masking. */
function usePresentedErrors(present: PresentError): Plugin {
  return {
    onExecutionResult({ result, setResult }) {
      if (result && !(Symbol.asyncIterator in result) && result.errors)
        setResult({ ...result, errors: result.errors.map(present) });
    },
  };
}
