import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "vitest";
import { openApi } from "../../src/http/rest/openapi.ts";
import { placeAt } from "../../src/http/rest/routes.ts";

interface RestCall {
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
  /** null: none. Default: the server's agent's. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

interface RestServer {
  readonly url: string;
  readonly agentKey: string;
}

/** Asks a route of the REST API, like `GET /tasks/next?project=alpha`, and holds its answer to the OpenAPI document. */
export async function rest(
  { url, agentKey }: RestServer,
  asked: string,
  { body, key = agentKey, headers = {} }: RestCall = {},
): Promise<RestAnswer> {
  const [method = "", path = ""] = asked.split(" ", 2);
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer: RestAnswer["body"] = text === "" ? {} : JSON.parse(text);
  if (text !== "") conform(method, path, response.status, answer);
  return { status: response.status, headers: response.headers, body: answer };
}

/** All that is answered of a task of which nothing more was said. */
export const restTask = (project_id: string, said: object) => ({
  ...{
    project_id,
    title: null,
    kind: "task",
    status: "pending",
    priority: 2,
    labels: [],
    skills: [],
  },
  ...{ assigned_to: null, generator_name: null, inputs: [], expected_outputs: [], context_notes: null },
  ...{ completion_notes: null, metadata: {}, artifact_id: null, artifact_type: null, parent_task_id: null },
  ...{
    branch_name: null,
    commit_hash: null,
    pr_number: null,
    due_date: null,
    reminder_offset: null,
    reminder_offsets: [],
    reminder_status: null,
  },
  ...{ recurrence_pattern: null, recurrence_time_zone: null, recurrence_end_date: null, recurrence_paused_at: null },
  ...{ catch_up: null, parent_recurring_task_id: null, occurrence_date: null },
  ...{ created_at: expect.any(String), updated_at: expect.any(String), started_at: null, completed_at: null },
  ...{ claimed_by: null, lease_expires_at: null, attempts: 0, failures: 0, ready_at: null, parked_at: null },
  ...{ parked_reason: null, created_by: "rest", version: 1 },
  ...said,
});

const document = openApi();
const ajv = addFormats.default(new Ajv2020({ strict: true, allErrors: true }), { mode: "full" });
ajv.addVocabulary(["openapi", "info", "servers", "security", "paths", "components"]);
ajv.addSchema(closed(document), "openapi");
const validators = new Map<string, ValidateFunction>();

/** Fails unless the document describes such an answer of the route. */
function conform(method: string, path: string, status: number, answer: unknown): void {
  const place = placeAt(path.split("?", 1)[0] ?? "");
  const operation = place && document.paths[place.path]?.[method.toLowerCase()];
  const found = operation?.responses[status];
  const pointer =
    found && place
      ? `openapi#/paths/${escaped(place.path)}/${method.toLowerCase()}/responses/${status}/content/application~1json/schema`
      : "openapi#/components/schemas/Failure";
  // Of a path or a method that there is not, the document says nothing.
  if (!found)
    expect([method, path, operation, status]).toEqual([method, path, undefined, expect.toBeOneOf([403, 404, 405])]);
  const validate = validators.get(pointer) ?? ajv.compile({ $ref: pointer });
  validators.set(pointer, validate);
  validate(answer);
  expect([method, path, validate.errors ?? []]).toEqual([method, path, []]);
}

const escaped = (part: string) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));

/** The same, but that success brings nothing that is not described. */
function closed<Value>(value: Value, name?: string): Value;
function closed(value: unknown, name?: string): unknown {
  if (Array.isArray(value)) return value.map((part) => closed(part));
  if (typeof value !== "object" || value === null) return value;
  const parts = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, closed(part, key)]));
  return "properties" in parts && name !== "Failure" && !("additionalProperties" in parts)
    ? { ...parts, additionalProperties: false }
    : parts;
}
