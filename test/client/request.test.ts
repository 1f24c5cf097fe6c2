import { GraphQLError } from "graphql";
import { describe, expect, test, vi } from "vitest";
import { NoAnswerError, ServerError } from "../../client/faults.ts";
import { TypedDocumentString } from "../../client/gen/graphql.ts";
import { createRequest } from "../../client/request.ts";
import { eventually } from "../support/eventually.ts";
import { hang, reset, scriptedDocket, status } from "../support/scripted-docket.ts";

const takeId = new TypedDocumentString<{ takeId: { id: string } }, { input: Record<string, unknown> }>(
  "mutation TakeId($input: TakeIdInput!) { takeId(input: $input) { id } }",
);
const cursor = new TypedDocumentString<{ logCursor: string | null }, Record<string, never>>(
  "query Cursor { logCursor }",
);
const root = { takeId: () => ({ id: "US-001", replayed: false }), logCursor: () => "c1" };
const keyed = { input: { projectId: "alpha", artifactType: "US", idempotencyKey: "k1" } };
const keyless = { input: { projectId: "alpha", artifactType: "US" } };

/** A caller that notes its waits instead of waiting. */
function caller(url: string, timeoutMs = 5_000) {
  const waits: number[] = [];
  const sleep = async (ms: number) => waits.push(ms);
  return { waits, request: createRequest({ url, apiKey: "dk_test", clientId: "session-1", timeoutMs, sleep }) };
}

/** An address where nothing listens any more. */
async function deserted(): Promise<string> {
  await using server = await scriptedDocket();
  return server.url;
}

describe("a call", () => {
  test("carries the key and the session, and returns the data", async () => {
    await using server = await scriptedDocket(root);
    const { request } = caller(server.url);
    await expect(request(takeId, keyed)).resolves.toMatchObject({ takeId: { id: "US-001" } });
    expect(server.seen[0]?.headers).toMatchObject({ authorization: "Bearer dk_test", "docket-client-id": "session-1" });
  });

  test("passes its caller's trace on as far as a header can carry it", async () => {
    await using server = await scriptedDocket(root);
    const trace = { traceparent: "00-a\r\nx: y", tracestate: "vendor=1", x: "y" };
    await createRequest({ url: server.url, apiKey: "dk_test", trace })(cursor, {});
    const { headers = {} } = server.seen[0] ?? {};
    expect([headers["traceparent"], headers["tracestate"], headers["x"]]).toEqual([undefined, "vendor=1", undefined]);
  });

  test("takes any fetch, such as a server's own handler", async () => {
    const seen: string[] = [];
    const fetch = (url: string) => {
      seen.push(url);
      return Response.json({ data: { logCursor: "c9" } });
    };
    const request = createRequest({ url: "http://docket", apiKey: undefined, fetch });
    await expect(request(cursor, {})).resolves.toEqual({ logCursor: "c9" });
    expect(seen).toEqual(["http://docket/graphql"]);
  });

  test("is bounded in time even when that handler ignores its signal", async () => {
    const fetch = () => new Promise<Response>(() => undefined);
    const request = createRequest({ url: "http://docket", apiKey: undefined, fetch, timeoutMs: 30 });
    await expect(request(cursor, {})).rejects.toMatchObject({ reason: "timeout" });
  });
});

describe("transient faults", () => {
  test("are repeated after 100, 200 and 400 ms under the same idempotency key", async () => {
    await using server = await scriptedDocket(root, [status(502), reset, status(503)]);
    const { request, waits } = caller(server.url);
    await expect(request(takeId, keyed)).resolves.toEqual({ takeId: { id: "US-001" } });
    expect(waits).toEqual([100, 200, 400]);
    expect(server.seen.map(({ variables }) => variables.input?.["idempotencyKey"])).toEqual(["k1", "k1", "k1", "k1"]);
  });

  test("end with the last fault when they do not pass", async () => {
    await using server = await scriptedDocket(root, [status(502), status(502), status(502), status(504)]);
    const { request } = caller(server.url);
    await expect(request(cursor, {})).rejects.toThrow("Docket API error: 504 - Gateway Timeout");
    expect(server.seen).toHaveLength(4);
  });

  test("are not repeated for a mutation without a key, which may have been carried out", async () => {
    await using server = await scriptedDocket(root, [reset]);
    const { request } = caller(server.url);
    await expect(request(takeId, keyless)).rejects.toMatchObject({ reason: "lost" });
    expect(server.seen).toHaveLength(1);
  });

  test("are repeated even without a key where nothing listens, as nothing was carried out", async () => {
    const url = await deserted();
    const { request, waits } = caller(url);
    await expect(request(takeId, keyless)).rejects.toThrow(`Docket unavailable: Connection refused at ${url}`);
    expect(waits).toEqual([100, 200, 400]);
  });

  test("include errors that call themselves retryable, after the time they ask for", async () => {
    let calls = 0;
    const logCursor = () => {
      calls += 1;
      if (calls === 2) return "c2";
      throw new GraphQLError("Database unavailable", {
        extensions: { code: "DATABASE_UNAVAILABLE", retryable: true, retryAfterMs: 250 },
      });
    };
    await using server = await scriptedDocket({ logCursor });
    const { request, waits } = caller(server.url);
    await expect(request(cursor, {})).resolves.toEqual({ logCursor: "c2" });
    expect(waits).toEqual([250]);
  });

  test("are not waited for past the limit of the call", async () => {
    const retryable = { code: "RATE_LIMITED", retryable: true, retryAfterMs: 60_000 };
    const logCursor = () => {
      throw new GraphQLError("Slow down", { extensions: retryable });
    };
    await using server = await scriptedDocket({ logCursor });
    const { request, waits } = caller(server.url);
    await expect(request(cursor, {})).rejects.toMatchObject({ code: "RATE_LIMITED" });
    expect(waits).toEqual([]);
  });
});

describe("a server that does not answer", () => {
  test("is given up after the limit, which the text names", async () => {
    await using server = await scriptedDocket(root, [hang]);
    const { request } = caller(server.url, 50);
    const failure = await request(takeId, keyed).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoAnswerError);
    expect(failure).toMatchObject({ reason: "timeout", message: "Docket timeout: No response within 0.05 seconds" });
  });

  test("has 5 seconds unless told otherwise, and on top of them the time it was asked to wait", async () => {
    const limit = vi.spyOn(AbortSignal, "timeout");
    const fetch = () => Response.json({ data: { logCursor: "c" } });
    const request = createRequest({ url: "http://docket", apiKey: undefined, fetch });
    await request(cursor, {});
    await request(cursor, {}, { waitMs: 20_000 });
    expect(limit.mock.calls).toEqual([[5_000], [25_000]]);
    limit.mockRestore();
  });

  test("is given up as soon as nobody wants its answer, and not asked again", async () => {
    await using server = await scriptedDocket(root, [hang]);
    const { request } = caller(server.url);
    const unwanted = new AbortController();
    const failure = request(cursor, {}, { signal: unwanted.signal }).catch((error: unknown) => error);
    await eventually(() => expect(server.seen).toHaveLength(1));
    unwanted.abort(new Error("gone"));
    expect(await failure).toMatchObject({ message: "gone" });
    expect(server.seen).toHaveLength(1);
  });
});

describe("errors of the server", () => {
  test("keep their code and values", async () => {
    const takeIdFails = () => {
      throw new GraphQLError("Project gamma not found", {
        extensions: { code: "PROJECT_NOT_FOUND", projectId: "gamma", retryable: false },
      });
    };
    await using server = await scriptedDocket({ takeId: takeIdFails });
    const { request } = caller(server.url);
    const failure = await request(takeId, keyed).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ServerError);
    expect(failure).toMatchObject({
      code: "PROJECT_NOT_FOUND",
      message: "Project gamma not found",
      extensions: { projectId: "gamma" },
    });
  });

  test("say 401 - Unauthorized for a refused key, by status or by code", async () => {
    const logCursor = () => {
      throw new GraphQLError("no", { extensions: { code: "UNAUTHENTICATED" } });
    };
    await using server = await scriptedDocket({ logCursor }, [status(401)]);
    const { request } = caller(server.url);
    const refused = { code: "UNAUTHENTICATED", message: "Docket API error: 401 - Unauthorized" };
    await expect(request(cursor, {})).rejects.toMatchObject(refused);
    await expect(request(cursor, {})).rejects.toMatchObject(refused);
    expect(server.seen).toHaveLength(2);
  });

  test("name what failed below HTTP when it is nothing usual", async () => {
    // Port 1 is one that fetch itself refuses to call.
    const { request } = caller("http://127.0.0.1:1");
    const expected = "Docket unavailable: Connection failed at http://127.0.0.1:1 (bad port)";
    await expect(request(cursor, {})).rejects.toThrow(expected);
  });

  test("name the status when something else answers at that address", async () => {
    await using server = await scriptedDocket(root, [status(404), status(200)]);
    const { request } = caller(server.url);
    await expect(request(cursor, {})).rejects.toThrow("Docket API error: 404 - Not Found");
    await expect(request(cursor, {})).rejects.toMatchObject({ code: "BAD_RESPONSE" });
  });

  test("include a root field that is missing without an error", async () => {
    await using server = await scriptedDocket({ logCursor: () => null });
    await expect(caller(server.url).request(cursor, {})).rejects.toMatchObject({ code: "BAD_RESPONSE" });
  });
});
