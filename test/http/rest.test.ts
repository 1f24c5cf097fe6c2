import { request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { ROUTES } from "../../src/http/rest/routes.ts";
import { eventually } from "../support/eventually.ts";
import { rest } from "../support/rest.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { ALLOWED } from "./doors.ts";

const shared = shareServer({ DOCKET_CORS_ORIGINS: ALLOWED });

/** Each route, as it can be asked without naming anything that is there. */
const ASKED = ROUTES.map(({ method, path, body }) => ({
  asked: `${method} ${path.replace("{task_id}", "TASK-001")}`,
  body: body ? {} : undefined,
}));

const refusal = (error: unknown, code = "BAD_USER_INPUT") => ({ success: false, error, code });

describe("every route, also under /api/v1,", () => {
  test.each(ASKED)("$asked asks for a key before it looks at what was sent", async ({ asked, body }) => {
    for (const path of [asked, asked.replace(" ", " /api/v1")]) {
      const { status, headers, body: answer } = await rest(shared.server, `${path}?nonsense=1`, { key: null, body });
      expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(answer).toEqual(refusal(expect.stringContaining("API key"), "UNAUTHENTICATED"));
    }
  });

  test.each(ASKED)("$asked refuses parameters that it does not know, and doubled ones", async ({ asked, body }) => {
    const unknown = await rest(shared.server, `${asked}?nonsense=1`, { body });
    expect(unknown).toMatchObject({
      status: 400,
      body: refusal(expect.stringContaining("Unknown parameter: nonsense")),
    });
    const doubled = await rest(shared.server, `${asked}?project=a&project=b`, { body });
    expect(doubled).toMatchObject({
      status: 400,
      body: refusal("Parameter project is given more than once: send it once."),
    });
  });

  test.each(ASKED)("$asked lets pages of a configured origin in, and no others", async ({ asked }) => {
    const [method = "", path = ""] = asked.split(" ");
    const headers = { "access-control-request-method": method, origin: ALLOWED };
    const allowed = await rest(shared.server, `OPTIONS ${path}`, { key: null, headers });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(ALLOWED);
    expect(allowed.headers.get("access-control-allow-methods")?.split(", ")).toContain(method);
    for (const name of ["Authorization", "Content-Type", "Docket-Client-Id", "Idempotency-Key", "If-Match"])
      expect(allowed.headers.get("access-control-allow-headers")?.split(", ")).toContain(name);
    // A refusal can be read as well.
    const refused = await rest(shared.server, asked, { key: null, headers: { origin: ALLOWED } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, ALLOWED]);
    expect(refused.headers.get("access-control-expose-headers")).toContain("ETag");
    for (const other of [`OPTIONS ${path}`, asked]) {
      const { headers } = await rest(shared.server, other, {
        key: null,
        headers: { origin: "https://elsewhere.example" },
      });
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test.each(ASKED.filter(({ body }) => body))("$asked takes JSON objects alone", async ({ asked }) => {
    const bodies = [
      ["{ not JSON", 400, "The body is not well-formed JSON in UTF-8."],
      ["", 400, "The body is empty: send a JSON object."],
      ["[]", 400, "The body must be a JSON object."],
      ["null", 400, "The body must be a JSON object."],
      [`{"nonsense": ${"[".repeat(9_000)}${"]".repeat(9_000)}}`, 400, expect.stringMatching(/nested too deep|Unknown/)],
      ['{"__proto__": {}}', 400, expect.stringContaining("__proto__")],
      ['{"count": 1e400}', 400, expect.stringContaining("beyond double precision")],
      [JSON.stringify({ nonsense: 1 }), 400, expect.stringContaining("Unknown parameter: nonsense")],
      [JSON.stringify({ text: "x".repeat(1024 * 1024) }), 413, expect.stringContaining("larger than 1048576 bytes")],
    ] as const;
    for (const [body, status, error] of bodies) {
      const answer = await rest(shared.server, asked, { body });
      expect([body.slice(0, 20), answer.status]).toEqual([body.slice(0, 20), status]);
      expect(answer.body).toEqual(refusal(error));
    }
    for (const type of ["text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded"]) {
      const answer = await rest(shared.server, asked, { body: "{}", headers: { "content-type": type } });
      expect(answer).toMatchObject({ status: 415, body: refusal(expect.stringContaining("application/json")) });
    }
  });
});

describe("what there is not", () => {
  test("is 404, and a method that there is not 405 with those that there are", async () => {
    for (const path of [
      "/nothing",
      "/tasks/",
      "/tasks/TASK-001/nothing",
      "/api/v1",
      "/api/v2/tasks",
      "/api/v1/api/v1/tasks",
    ])
      expect(await rest(shared.server, `GET ${path}`)).toMatchObject({
        status: 404,
        body: refusal(`Nothing is at ${path}. /docs says what there is.`),
      });
    for (const [asked, allow] of [
      ["POST /tasks/next", "GET, HEAD, OPTIONS"],
      ["PUT /tasks/TASK-001", "GET, HEAD, PATCH, DELETE, OPTIONS"],
      ["GET /tasks/TASK-001/status", "PUT, OPTIONS"],
      ["GET /tasks/batch", "POST, OPTIONS"],
      // To look at it takes an ID.
      ["POST /ids/next", "GET, OPTIONS"],
    ] as const) {
      const { status, headers, body } = await rest(shared.server, asked);
      expect([asked, status, headers.get("allow")]).toEqual([asked, 405, allow]);
      expect(body).toEqual(refusal(expect.stringContaining(`answers ${allow} only`)));
    }
    const bad = await rest(shared.server, "GET /tasks/%E0%A4%A");
    expect(bad).toMatchObject({ status: 400, body: refusal("The path is not percent-encoded UTF-8.") });
  });

  test("is asked for by HEAD without a body, and never taken", async () => {
    const { url, agentKey, projectId } = await makeProject(shared.server, ["work"]);
    const head = (path: string) =>
      fetch(url + path, { method: "HEAD", headers: { authorization: `Bearer ${agentKey}` } });
    const looked = await head(`/tasks/TASK-001?project=${projectId}`);
    expect([looked.status, looked.headers.get("etag"), await looked.text()]).toEqual([200, '"1"', ""]);
    expect((await head(`/ids/next?type=US&project=${projectId}`)).status).toBe(405);
  });
});

test("one key's calls are one session unless they say otherwise, and refusals are worded for them", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const set = (body: object, headers = {}) => rest(server, "PUT /tasks/TASK-001/status", { body, headers });
  const claimed = await set({ status: "in_progress", worker: "w1", lease_seconds: 60 });
  expect(claimed.body["updated_task"]).toMatchObject({
    status: "in_progress",
    claimed_by: "w1",
    attempt: expect.stringMatching(/^1-/),
  });
  const other = await set({ status: "completed" }, { "docket-client-id": "another" });
  expect(other).toMatchObject({
    status: 409,
    body: {
      ...refusal(expect.stringContaining("Lease of TASK-001 lost"), "LEASE_LOST"),
      holder: { attempt: 1, worker: "w1", since: expect.any(String), until: expect.any(String) },
    },
  });
  expect(JSON.stringify(other.body)).not.toMatch(/takeOver|projectId/);
  expect((await set({ status: "completed" })).status).toBe(200);

  const [two] = [await makeProject(shared.server, ["work"])];
  const ambiguous = await rest(shared.server, "GET /tasks/TASK-001");
  expect(ambiguous.status).toBe(409);
  expect(ambiguous.body).toMatchObject({
    error: expect.stringMatching(/Say which with project\.$/),
    code: "AMBIGUOUS_TASK_ID",
    project_ids: expect.arrayContaining([two.projectId]),
  });
  expect(await rest(server, "GET /tasks/TASK-999")).toMatchObject({
    status: 404,
    body: { success: false, error: "Task TASK-999 not found", code: "TASK_NOT_FOUND", task_id: "TASK-999" },
  });
});

test("faults of what was sent name their place in the caller's words", async () => {
  const server = await makeProject(shared.server, []);
  const { projectId: project_id } = server;
  const cases = [
    ["GET /tasks/next", undefined, "Missing required parameter: project"],
    ["GET /tasks/next?project=", undefined, "Missing required parameter: project"],
    [
      `GET /tasks?project=${project_id}&status=done`,
      undefined,
      'Invalid parameter status: expected one of "pending"|"in_progress"|"completed"',
    ],
    [
      `GET /tasks?project=${project_id}&limit=many`,
      undefined,
      "Invalid parameter limit: expected number, received string",
    ],
    ["GET /ids/next?type=US", undefined, "Missing required parameter: project"],
    ["POST /ids/reserve", { type: "US", count: 6 }, "Missing required parameter: project_id"],
    [
      "POST /ids/reserve",
      { type: "invalid", project_id },
      expect.stringMatching(/^Invalid artifact_type: INVALID\. Valid types: US, SPEC/),
    ],
    ["POST /ids/reserve", { type: "US", project_id, count: 101 }, expect.stringMatching(/^count is 101; it must be/)],
    ["POST /ids/confirm", {}, "Missing required parameter: reservation_id"],
    ["POST /tasks", { project_id }, expect.stringMatching(/^description/)],
    [
      "POST /tasks",
      { project_id, description: "a", due_date: "soon" },
      'due_date: Not an instant: "soon". Write it like 2026-03-01T09:00:00Z.',
    ],
    ["POST /tasks/batch", { tasks: [{ description: "a" }] }, expect.stringMatching(/^tasks\[0\].*project_id/)],
    ["POST /tasks/batch", { tasks: [] }, expect.stringMatching(/^Invalid parameter tasks: /)],
    [
      "POST /tasks/batch",
      { tasks: [{ description: "a", nonsense: 1 }], project_id },
      "Unknown parameter: tasks[0].nonsense",
    ],
    [
      "POST /tasks/batch",
      { tasks: [{ description: "a", task_id: "nonsense" }], project_id },
      expect.stringMatching(/^tasks\[0\]: task_id/),
    ],
    [
      "PUT /tasks/TASK-001/status",
      { status: "done" },
      expect.stringMatching(/^Invalid parameter status: expected one/),
    ],
    ["PUT /tasks/TASK-001/status", {}, "Missing required parameter: status"],
  ] as const;
  for (const [asked, body, error] of cases) {
    const answer = await rest(server, asked, { body });
    expect([asked, body, answer.status, answer.body]).toEqual([
      asked,
      body,
      400,
      expect.objectContaining(refusal(error)),
    ]);
  }
});

test("a task's version is its ETag, and If-Match refuses what has changed since", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const patch = (tag: string, body: object) =>
    rest(server, "PATCH /tasks/TASK-001", { body, headers: { "if-match": tag } });
  expect((await rest(server, "GET /tasks/TASK-001")).headers.get("etag")).toBe('"1"');
  const changed = await patch('"1"', { title: "T", labels: ["a"], assigned_to: null });
  expect([changed.status, changed.headers.get("etag")]).toEqual([200, '"2"']);
  expect(changed.body["updated_task"]).toMatchObject({ title: "T", labels: ["a"], version: 2 });
  const late = await patch('"1"', { title: "U" });
  expect(late).toMatchObject({
    status: 412,
    body: {
      ...refusal("Task was modified by another client (expected version 1, current version 2)", "VERSION_CONFLICT"),
      expected_version: 1,
      current_version: 2,
    },
  });
  expect((await patch("*", { title: null })).status).toBe(200);
  for (const tag of ['W/"3"', "3", '"x"', '"1", "3"']) expect((await patch(tag, { title: "U" })).status).toBe(400);
  const claim = { body: { status: "in_progress" }, headers: { "if-match": '"2"' } };
  expect((await rest(server, "PUT /tasks/TASK-001/status", claim)).status).toBe(412);
  expect((await rest(server, "DELETE /tasks/TASK-001", { headers: { "if-match": '"2"' } })).status).toBe(412);
  const deleted = await rest(server, "DELETE /tasks/TASK-001", { headers: { "if-match": '"3"' } });
  expect(deleted).toMatchObject({ status: 200, body: { success: true, task_id: "TASK-001" } });
  expect((await rest(server, "GET /tasks/TASK-001")).status).toBe(404);
});

test("a request under its Idempotency-Key is answered again and done once", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const { projectId: project_id } = server;
  const headers = { "idempotency-key": "k1" };
  const twice = async (asked: string, body?: object) => {
    const first = await rest(server, asked, { body, headers });
    const again = await rest(server, asked, { body, headers });
    expect(first).toMatchObject({ status: 200, body: { success: true } });
    expect(again.body).toEqual(first.body);
    return first.body;
  };
  expect(await twice(`GET /ids/next?type=us&project=${project_id}`)).toEqual({
    ...{ success: true, artifact_type: "US", next_id: "US-001", last_assigned: null },
  });
  expect(await twice("POST /ids/reserve", { type: "US", count: 2, project_id })).toMatchObject({
    reserved_ids: ["US-002", "US-003"],
  });
  expect(await twice("POST /tasks", { project_id, description: "once" })).toMatchObject({
    task: { task_id: "TASK-002" },
    first_instance: null,
  });
  const other = await rest(server, "POST /tasks", { body: { project_id, description: "other" }, headers });
  expect(other).toMatchObject({ status: 409, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
  expect(await twice("PATCH /tasks/TASK-001", { title: "T" })).toMatchObject({ updated_task: { version: 2 } });
  expect(await twice("PUT /tasks/TASK-001/status", { status: "in_progress" })).toMatchObject({
    updated_task: { version: 3, attempt: expect.stringMatching(/^1-/) },
  });
  expect(await twice("DELETE /tasks/TASK-002")).toEqual({ success: true, task_id: "TASK-002" });
});

test("the log tells what was asked for, and nothing of what it held", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const asking = { headers: { "x-request-id": "rest-log" } };
  await rest(server, "GET /api/v1/tasks/SECRET?project=none&cursor=SECRET", asking);
  await rest(server, "GET /tasks/SECRET?project=SECRET", { headers: { "x-request-id": "rest-log-2" } });
  const lineOf = (id: string) =>
    eventually(() => {
      const line = shared.server.logged.find((one) => one["request_id"] === id && "status_code" in one);
      expect(line).toBeDefined();
      return line;
    });
  expect(await lineOf("rest-log")).toMatchObject({
    ...{ level: "warn", method: "GET", path: "/tasks/{task_id}", status_code: 400, code: "BAD_USER_INPUT" },
    params: { project: "(not logged)", cursor: "(not logged)" },
  });
  expect(await lineOf("rest-log-2")).toMatchObject({
    ...{ path: "/tasks/{task_id}", status_code: 404, code: "PROJECT_NOT_FOUND", operation: "RestGetTask" },
    api_key_prefix: server.agentKey.slice(0, 8),
  });
  expect(JSON.stringify(shared.server.logged)).not.toContain("SECRET");
});

test("a request that names the server as another is refused as everywhere", async () => {
  const { hostname, port } = new URL(shared.server.url);
  const sent = request({ hostname, port, path: "/tasks/next", headers: { host: "evil.example" } }).end();
  const body = await new Promise<string>((resolve, reject) => {
    sent.once("response", (response) => void text(response).then(resolve, reject)).once("error", reject);
  });
  expect(JSON.parse(body)).toMatchObject(refusal(expect.stringContaining("DOCKET_ALLOWED_HOSTS")));
});
