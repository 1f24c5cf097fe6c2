import { Validator } from "@seriousme/openapi-schema-validator";
import { Kind, parse } from "graphql";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../../src/errors.ts";
import { STATUS_OF } from "../../src/http/rest/failure.ts";
import { onlyReads } from "../../src/http/rest/route.ts";
import { ROUTES } from "../../src/http/rest/routes.ts";
import { taskSchema } from "../../src/http/rest/task.ts";
import { TASK } from "../../src/tasks/fields.ts";
import { rest } from "../support/rest.ts";
import { startTestServer } from "../support/server.ts";

test("/openapi.json is a valid OpenAPI 3.1 document of every route, for whoever has a key", async () => {
  const { url, agentKey } = await startTestServer();
  expect((await fetch(`${url}/openapi.json`)).status).toBe(401);
  const response = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${agentKey}` } });
  const document = await response.json();
  expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  expect(document.openapi).toMatch(/^3\.1\./);
  const described = Object.entries<Record<string, { operationId: string }>>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
  const ids = Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ROUTES.length);
  // Nothing refers to what is not there.
  for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name);
  // Every member of a task says what it is.
  for (const [name, { description }] of Object.entries<{ description?: string }>(
    document.components.schemas.Task.properties,
  ))
    expect([name, description]).toEqual([name, expect.any(String)]);
});

test("/docs shows it to people, without a script, and sends those who are not signed in to do so", async () => {
  const { url, agentKey } = await startTestServer();
  const stranger = await fetch(`${url}/docs`, { redirect: "manual" });
  expect([stranger.status, stranger.headers.get("location")]).toEqual([303, "/sign-in"]);
  const response = await fetch(`${url}/docs`, { headers: { authorization: `Bearer ${agentKey}` } });
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  const page = await response.text();
  expect(page).not.toMatch(/<script|https?:\/\//);
  for (const { method, path } of ROUTES) expect(page).toContain(`${method} ${path}`);
  // Every link leads somewhere.
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
});

test("each route sends one document, and each code has a status", () => {
  expect(Object.keys(STATUS_OF).toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
  for (const route of ROUTES) {
    const operations = parse(route.document).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    expect([route.path, operations.length]).toEqual([route.path, 1]);
    // What a GET may do that changes something is said.
    if (route.method === "GET" && "call" in route && !onlyReads(route)) expect(route.path).toBe("/ids/next");
  }
});

/** Fields of a task that REST does not tell of, on purpose. */
const UNTOLD = new Set([
  // Deleted and archived ones are in no answer.
  ...["deletedAt", "archivedAt"],
  ...["depth"],
]);

test("a task is told of with all its fields", () => {
  const columns = TASK.names.filter((name) => !UNTOLD.has(name)).map((name) => TASK.columnOf(name));
  expect(Object.keys(taskSchema.shape).toSorted()).toEqual(columns.toSorted());
});

test("a project that the key does not see is not found by any route that is told one, which the document says", async () => {
  const server = await startTestServer();
  const { secret: key } = await server.makeKey({ projectIds: ["mine"] });
  const [project_id, description] = ["theirs", "a"];
  const calls: [asked: string, body?: object][] = [
    ["GET /tasks/next?project=theirs"],
    ["GET /tasks?project=theirs"],
    ["POST /tasks", { project_id, description }],
    ["POST /tasks/batch", { project_id, tasks: [{ description }] }],
    ["GET /ids/next?type=US&project=theirs"],
    ["POST /ids/reserve", { type: "US", project_id }],
    ["DELETE /ids/reservations/expired?project=theirs"],
    ["GET /notifications/stream?project=theirs"],
  ];
  for (const [asked, body] of calls) {
    const answer = await rest(server, asked, { key, body });
    expect([asked, answer.status, answer.body["code"]]).toEqual([asked, 404, "PROJECT_NOT_FOUND"]);
  }
});
