import { z } from "zod";
import packageJson from "../../../package.json" with { type: "json" };
import { FIELDS_OF_NOUNS } from "../../db/noun.ts";
import { ERROR_CODES, type ErrorCode } from "../../errors.ts";
import { STATUS_OF } from "./failure.ts";
import { onlyReads, type RestRoute } from "./route.ts";
import { PREFIX, ROUTES } from "./routes.ts";

/** What is sent as JSON and documented in JSON Schema. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly $ref?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
  readonly style?: "form";
  readonly explode?: false;
}

interface Media {
  readonly [type: string]: { readonly schema: JsonSchema };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Media };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Media }>>;
}

export interface OpenApi {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string; readonly description: string }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, object>>;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
}

/** Failures that any request may meet. */
const EVERYWHERE: readonly ErrorCode[] = [
  ...(["BAD_USER_INPUT", "UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED"] as const),
  ...(["DATABASE_UNAVAILABLE", "INTERNAL"] as const),
];

/** The OpenAPI document of the routes, in version 3.1, whose schemas are JSON Schema as Zod writes it. */
export function openApi(): OpenApi {
  const schemas: Record<string, JsonSchema> = { Failure: FAILURE };
  const schema = (type: z.ZodType) => {
    const {
      $schema: _,
      $defs = {},
      ...rest
    } = z.toJSONSchema(type, { io: "input", override: withoutSafeRange }) as JsonSchema & {
      $schema?: string;
      $defs?: Record<string, JsonSchema>;
    };
    for (const [name, part] of Object.entries($defs)) schemas[name] = referring(withFields(part));
    return referring(rest);
  };
  const paths = [...Map.groupBy(ROUTES, ({ path }) => path)].map(([path, routes]) => [
    path,
    Object.fromEntries(routes.map((route) => [route.method.toLowerCase(), operationOf(route, schema)])),
  ]);
  return {
    openapi: "3.1.1",
    info: {
      title: "Docket",
      version: packageJson.version,
      description:
        "Tasks and collision-free artifact IDs for AI coding agents. Every answer is JSON with success; a failure says what in error, and which kind in code. Calls without Docket-Client-Id are one session of their key, called rest. Idempotency-Key makes it safe to ask again after a lost answer.",
    },
    servers: [
      { url: "/", description: "This server." },
      { url: PREFIX, description: "The same." },
    ],
    security: [{ key: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key, dk_…, or a token." } },
      schemas: Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    },
  };
}

/** That a number is one that JavaScript can count to says nothing to anybody. */
function withoutSafeRange({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

const FAILURE: JsonSchema & Record<string, unknown> = {
  type: "object",
  description: "Why nothing was done. Beside error and code stand the values of the code, such as task_id.",
  properties: {
    success: { type: "boolean", enum: [false] },
    error: { type: "string", description: "What was wrong, and what to do." },
    code: { type: "string", enum: Object.keys(ERROR_CODES) },
    retryable: { type: "boolean", description: "Asking again may help." },
    task_id: { type: "string" },
    project_id: { type: "string" },
  },
  required: ["success", "error", "code"],
};

function operationOf(route: RestRoute, schema: (type: z.ZodType) => JsonSchema): Operation {
  const streams = !("call" in route);
  const { properties = {}, required = [] } = schema(route.query);
  return {
    operationId: /\b(?:query|mutation|subscription) Rest(\w+)/.exec(route.document)?.[1] ?? route.path,
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    parameters: [
      ...[...route.path.matchAll(/\{(\w+)\}/g)].map(
        ([, name = ""]): Parameter => ({ name, in: "path", required: true, schema: { type: "string" } }),
      ),
      ...Object.entries(properties).map(
        ([name, { description, ...property }]): Parameter => ({
          ...{ name, in: "query", required: required.includes(name) && !("default" in property), schema: property },
          ...(description !== undefined && { description }),
          ...(property.type === "array" && { style: "form", explode: false }),
        }),
      ),
      ...headersOf(route, streams),
    ],
    ...(route.body && { requestBody: { required: true, content: json(schema(route.body)) } }),
    responses: {
      200: {
        description: streams ? "Events; the data of each is this." : "Done.",
        content: streams ? { "text/event-stream": { schema: schema(route.answer) } } : json(schema(route.answer)),
        ...(route.tellsVersion && {
          headers: { ETag: { description: "The task's version, for If-Match.", schema: { type: "string" } } },
        }),
      },
      ...failuresOf(route),
    },
  };
}

const json = (schema: JsonSchema): Media => ({ "application/json": { schema } });

function headersOf(route: RestRoute, streams: boolean): Parameter[] {
  const header = (name: string, description: string): Parameter => ({
    ...{ name, in: "header", required: false, description, schema: { type: "string" } },
  });
  return [
    header("Docket-Client-Id", "The session that asks. Default: rest."),
    ...(streams ? [header("Last-Event-ID", "The id of the last event seen: the stream goes on behind it.")] : []),
    ...(streams || onlyReads(route)
      ? []
      : [header("Idempotency-Key", "The same key and request get the first answer again.")]),
    ...(route.takesIfMatch ? [header("If-Match", "The task's ETag: refuse with 412 if it has changed since.")] : []),
  ];
}

function failuresOf(route: RestRoute): Operation["responses"] {
  const codes = [
    ...EVERYWHERE,
    ...route.codes,
    ...(route.takesIfMatch ? (["VERSION_CONFLICT"] as const) : []),
    ...(onlyReads(route) ? [] : (["IDEMPOTENCY_KEY_REUSED"] as const)),
  ];
  const byStatus = Map.groupBy(new Set(codes), (code) => STATUS_OF[code]);
  // What is wrong with the body before anybody looks into it.
  if (route.body) for (const status of [413, 415]) byStatus.set(status, ["BAD_USER_INPUT"]);
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      status,
      {
        description: of.map((code) => `${code}: ${meaningOf(code)}`).join(" "),
        content: json({ $ref: "#/components/schemas/Failure" }),
      },
    ]),
  );
}

/** What a code means, without the names that its values have in GraphQL. */
const meaningOf = (code: ErrorCode) => ERROR_CODES[code].description.replace(/ extensions: .*/s, "");

/** The fields of a task say themselves what they are. */
function withFields(schema: JsonSchema): JsonSchema {
  const fields = new Map(FIELDS_OF_NOUNS.get("Task")?.map(({ column, description }) => [column, description]));
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const description = property.description ?? fields.get(name);
    return [name, description === undefined ? property : { ...property, description }];
  });
  return { ...schema, properties: Object.fromEntries(properties) };
}

/** Zod has the parts beside the schema, OpenAPI among its components. */
const referring = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as JsonSchema;
