import { z } from "zod";
import type { TypedDocumentString } from "../../../client/gen/graphql.ts";
import type { DataOf } from "../../../client/request.ts";
import type { ErrorCode } from "../../errors.ts";
import { readJson, readQuery } from "./parameters.ts";

/**
 * A route of the REST API is one definition: where it is, the shapes of what it takes and answers, the one GraphQL
 * document that does its work, and the codes of its failures. Reading requests, answering them and describing them
 * (OpenAPI) follow from that.
 *
 * They are routes of our own over Zod rather than those of a framework. Of what was tried hono with @hono/zod-openapi
 * came next: a fifth slower and 1.3 MB more, it validated before it authenticated and answered malformed JSON with 500, a
 * wrong method with 404 and a doubled parameter as a missing one; to mend that took as much code as this folder has.
 */
interface RestDefinition<
  Data,
  Variables,
  Taken extends z.ZodObject,
  Posted extends z.ZodObject,
  Answer extends z.ZodObject,
> {
  readonly method: Method;
  /** Parts in braces, such as `{task_id}`, are given to `run`. */
  readonly path: string;
  readonly summary: string;
  /** What one should know to use it, beside the summary. */
  readonly description?: string;
  /** Its parameters. */
  readonly query?: Taken;
  /** The JSON object that is sent. */
  readonly body?: Posted;
  /** What is answered beside `success`. */
  readonly answer: Answer;
  /** Only this, as often as it is needed. */
  readonly document: TypedDocumentString<Data, Variables>;
  /** Beside those that every route has. */
  readonly codes: readonly ErrorCode[];
  /** Whether `If-Match` is heeded: its version comes as `expectedVersion`. */
  readonly takesIfMatch?: boolean;
  /** The version of the one task that is answered: its `ETag`. */
  readonly version?: (answer: z.output<Answer>) => number;
  readonly run: (
    given: Given<z.output<Taken>, z.output<Posted>>,
    ask: (variables: Variables) => Promise<DataOf<Data>>,
  ) => Promise<z.output<Answer>>;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Given<Query, Body> {
  readonly path: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly expectedVersion: number | undefined;
}

/** What a route answers, ready to be sent. */
export interface RestAnswer {
  readonly body: unknown;
  readonly version: number | undefined;
}

interface Described {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly query: z.ZodObject;
  readonly body: z.ZodObject | null;
  /** Of a stream, the data of each of its events. */
  readonly answer: z.ZodType;
  readonly document: string;
  readonly codes: readonly ErrorCode[];
  readonly takesIfMatch: boolean;
  readonly tellsVersion: boolean;
}

/** What a request gave, before the route's own shapes have read it. */
interface Sent {
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Empty where the route takes none. */
  readonly body: Buffer;
  readonly expectedVersion: number | undefined;
}

/** Runs the route's document. */
type Ask = (variables: unknown) => Promise<unknown>;

/** A route that answers once, whatever its types were. */
export interface CallRoute extends Described {
  readonly call: (sent: Sent, ask: Ask) => Promise<RestAnswer>;
}

/** A route that answers with events as they happen. */
export interface StreamRoute extends Described {
  readonly variables: (query: URLSearchParams) => Readonly<Record<string, unknown>>;
  /** The events of a frame. */
  readonly events: (data: unknown) => readonly StreamedEvent[];
}

/** An event of a stream. */
export interface StreamedEvent {
  readonly type: string;
  /** The place after it. */
  readonly cursor: string;
  readonly data: unknown;
}

export type RestRoute = CallRoute | StreamRoute;

const NO_PARAMETERS = z.strictObject({});

/** Closes a definition over its own types: the request is read by its shapes before `run` sees it. */
export function defineRoute<
  Data,
  Variables,
  Answer extends z.ZodObject,
  Taken extends z.ZodObject = typeof NO_PARAMETERS,
  Posted extends z.ZodObject = typeof NO_PARAMETERS,
>(definition: RestDefinition<Data, Variables, Taken, Posted, Answer>): CallRoute {
  const { query, body, answer, document, takesIfMatch = false, version, run, ...rest } = definition;
  return {
    description: undefined,
    ...rest,
    query: query ?? NO_PARAMETERS,
    body: body ?? null,
    answer: z.object({ success: z.literal(true), ...answer.shape }),
    document: document.toString(),
    takesIfMatch,
    tellsVersion: version !== undefined,
    async call({ path, expectedVersion, ...sent }, ask) {
      const given = {
        path,
        expectedVersion,
        query: readQuery(sent.query, query ?? NO_PARAMETERS) as z.output<Taken>,
        body: (body ? readJson(sent.body, body) : {}) as z.output<Posted>,
      };
      // The types of a document are those of its variables and its answer.
      const answered = await run(given, (variables) => ask(variables) as Promise<DataOf<Data>>);
      return { body: { success: true, ...answered }, version: version?.(answered) };
    },
  };
}

interface StreamDefinition<Data, Variables, Taken extends z.ZodObject>
  extends Pick<RestDefinition<Data, Variables, Taken, never, never>, "path" | "summary" | "description" | "codes"> {
  readonly query: Taken;
  /** The data of each event. */
  readonly answer: z.ZodObject;
  /** A subscription. */
  readonly document: TypedDocumentString<Data, Variables>;
  readonly variables: (query: z.output<Taken>) => Variables;
  readonly events: (data: DataOf<Data>) => readonly StreamedEvent[];
}

export function defineStream<Data, Variables extends Readonly<Record<string, unknown>>, Taken extends z.ZodObject>({
  document,
  variables,
  events,
  ...definition
}: StreamDefinition<Data, Variables, Taken>): StreamRoute {
  return {
    description: undefined,
    ...definition,
    method: "GET",
    body: null,
    document: document.toString(),
    takesIfMatch: false,
    tellsVersion: false,
    variables: (query) => ({ ...variables(readQuery(query, definition.query)) }),
    events: (data) => events(data as DataOf<Data>),
  };
}

/** Whether a route only looks, so that HEAD may ask for it as well. */
export const onlyReads = ({ document }: Pick<RestRoute, "document">) => /^\s*query\b/.test(document);
