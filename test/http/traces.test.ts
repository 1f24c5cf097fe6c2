import { randomBytes } from "node:crypto";
import { registerHooks } from "node:module";
import { expect, test } from "vitest";
import { type Collector, startCollector } from "../support/collector.ts";
import { connectOverHttp, startMcpAgent } from "../support/mcp-client.ts";
import { startTestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

const CALLER = "00f067aa0ba902b7";
const CLAIM = `mutation Take($project: ID!) {
  claimNextTask(input: {projectId: $project, worker: "w"}) { attempt task { taskId project { name } } }
}`;

/** A trace that a caller has begun, and the header that says so. */
function callersTrace(flags = "01") {
  const traceId = randomBytes(16).toString("hex");
  return { traceId, traceparent: `00-${traceId}-${CALLER}-${flags}` };
}

/** The span of that name in a trace. */
const spanOf = ({ spans }: Collector, traceId: string, name: string) =>
  spans.find((span) => span.traceId === traceId && span.name === name);

// The first: what is loaded stays loaded.
test("nothing of OpenTelemetry is loaded unless traces go somewhere", async () => {
  const loaded: string[] = [];
  const hooks = registerHooks({
    resolve(name, context, next) {
      if (name.includes("@opentelemetry/")) loaded.push(name);
      return next(name, context);
    },
  });
  const server = await startTestServer();
  await server.gql("{ projects(first: 1) { totalCount } }", {}, { headers: callersTrace() });
  const disabled = await startTestServer({
    test: server.test,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_SDK_DISABLED: "true" },
  });
  await disabled.close();
  expect(loaded).toEqual([]);
  const traced = await startTestServer({
    test: server.test,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" },
  });
  await traced.close();
  hooks.deregister();
  expect(loaded).not.toEqual([]);
});

test("a claim is one tree of spans in its caller's trace, whatever door it came by, without a word of what it says", async () => {
  const collector = await startCollector();
  const server = await startTestServer({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_SERVICE_NAME: "tasks",
      // Who counts statements hears of the same ones.
      DOCKET_METRICS_FROM: "127.0.0.1",
    },
  });
  const tasks = Array.from({ length: 6 }, () => ({ description: "words of people" }));
  await server.ask(
    `mutation ($tasks: [AddTaskItem!]!) {
      createProject(input: {projectId: "alpha", name: "A"}) { replayed }
      addTasks(input: {projectId: "alpha", tasks: $tasks}) { taskIds }
    }`,
    { tasks },
  );
  const overHttp = callersTrace();
  const { traceparent } = overHttp;
  await server.ask(CLAIM, { project: "alpha" }, { headers: { traceparent, tracestate: "vendor=1" } });

  const ofConnection = callersTrace();
  const ofMessage = callersTrace();
  const ofStream = callersTrace();
  const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey, traceparent: ofConnection.traceparent });
  const claim = { query: CLAIM, variables: { project: "alpha" } };
  for (const [id, payload] of [claim, { ...claim, extensions: ofMessage }].entries()) {
    socket.send({ type: "subscribe", id: `${id}`, payload });
    expect(await socket.next()).toMatchObject({ type: "next" });
    await socket.next();
  }
  const payload = { query: "subscription { taskEvents { cursor } }", extensions: ofStream };
  socket.send({ type: "subscribe", id: "stream", payload });
  await socket.next();

  const overMcp = callersTrace();
  const [overHttpTool, overStdioTool] = [callersTrace(), callersTrace()];
  const client = await connectOverHttp(server, { traceparent: overMcp.traceparent });
  const get = { name: "get_next_task", arguments: { project_id: "alpha" } };
  await client.callTool(get);
  await client.callTool({ ...get, _meta: { traceparent: overHttpTool.traceparent } });
  const agent = await startMcpAgent({ url: server.url, key: server.agentKey, project: "alpha" });
  expect((await agent.call("get_next_task", {}, { traceparent: overStdioTool.traceparent })).failed).toBe(false);
  await agent.close();

  const overRest = callersTrace();
  const headers = { authorization: `Bearer ${server.agentKey}`, traceparent: overRest.traceparent };
  await fetch(`${server.url}/tasks/next?project=alpha`, { headers });
  const ofEvents = callersTrace();
  const events = await fetch(`${server.url}/graphql?query=${encodeURIComponent(payload.query)}`, {
    headers: { ...headers, accept: "text/event-stream", traceparent: ofEvents.traceparent },
  });
  expect(events.status).toBe(200);
  await server.close();

  const operation = ["  mutation", "    task-claim-next", "    tasks-find-000000", "    projects-find"];
  expect(collector.treeOf(overHttp.traceId)).toEqual(["POST /graphql", ...operation]);
  expect(collector.treeOf(ofConnection.traceId)).toEqual(["WS /graphql", ...operation]);
  expect(collector.treeOf(ofMessage.traceId)).toEqual(["WS /graphql", ...operation]);
  // Where the log has just grown, a stream that begins asks for its end.
  const streamOf = (traceId: string) => collector.treeOf(traceId).filter((line) => line !== "    log-place");
  expect(streamOf(ofStream.traceId)).toEqual(["WS /graphql", "  subscription"]);
  expect(streamOf(ofEvents.traceId)).toEqual(["GET /graphql", "  subscription"]);
  expect(collector.treeOf(overMcp.traceId)).toEqual(
    expect.arrayContaining(["POST /mcp", "  tools/call get_next_task", "    mutation", "      task-claim-next"]),
  );
  expect(collector.treeOf(overHttpTool.traceId).slice(0, 3)).toEqual([
    "tools/call get_next_task",
    "  mutation",
    "    task-claim-next",
  ]);
  expect(collector.treeOf(overStdioTool.traceId).slice(0, 3)).toEqual([
    "POST /graphql",
    "  mutation",
    "    task-claim-next",
  ]);
  expect(collector.treeOf(overRest.traceId)).toEqual(["GET /tasks/next", "  query", "    task-next-ready-111111"]);

  expect(spanOf(collector, overHttp.traceId, "POST /graphql")).toMatchObject({
    parentSpanId: CALLER,
    kind: 2,
    status: { code: 0 },
    attributes: { "http.request.method": "POST", "http.route": "/graphql", "http.response.status_code": 200 },
    resource: { "service.name": "tasks" },
  });
  expect(spanOf(collector, overHttp.traceId, "mutation")?.attributes).toEqual({
    "graphql.operation.type": "mutation",
    "graphql.operation.name": "Take",
  });
  expect(spanOf(collector, overHttp.traceId, "task-claim-next")).toMatchObject({
    kind: 3,
    attributes: { "db.system.name": "postgresql", "db.query.summary": "task-claim-next" },
  });
  const told = JSON.stringify(collector.spans);
  expect(told).not.toContain("words of people");
  expect(told).not.toContain(server.agentKey.slice(0, 12));
  // Not of the drain, nor of what the server asks by itself.
  expect(told).not.toMatch(/log-drain|lacking-migrations/);
  expect(server.logged.filter((line) => line["trace_id"] === overHttp.traceId)).toHaveLength(1);
});

test("spans that failed say by which code, those that the sampler or the caller leaves out are not sent, and an outage is told once", async () => {
  const collector = await startCollector();
  const server = await startTestServer({
    env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` },
  });
  const longName = "n".repeat(1_000);
  const asked = async (headers: { traceparent: string }) =>
    await server.gql(`query ${longName} { task(projectId: "beta", taskId: "TASK-001") { title } }`, {}, { headers });
  const [refused, unwanted, invalid, huge] = [callersTrace(), callersTrace("00"), callersTrace("zz"), callersTrace()];
  await asked(refused);
  await asked(unwanted);
  await asked(invalid);
  // Only later versions of the standard may say more at the end.
  const [later, longer] = [callersTrace(), callersTrace("01-more")];
  await asked({ traceparent: later.traceparent.replace(/^00/, "01").concat("-more") });
  await asked(longer);
  await asked({ traceparent: `01${huge.traceparent.slice(2)}-${"x".repeat(600)}` });
  await fetch(`${server.url}/health`, { headers: refused });
  await server.close();
  expect(spanOf(collector, refused.traceId, "query")).toMatchObject({
    status: { code: 2 },
    attributes: { "error.type": "PROJECT_NOT_FOUND", "graphql.operation.name": longName.slice(0, 100) },
  });
  // The caller's mistake is no fault of the server's.
  expect(spanOf(collector, refused.traceId, "POST /graphql")).toMatchObject({
    status: { code: 0 },
    attributes: { "error.type": "PROJECT_NOT_FOUND" },
  });
  // What probes ask is left out.
  expect(collector.treeOf(refused.traceId).filter((line) => !line.startsWith(" "))).toEqual(["POST /graphql"]);
  expect(collector.treeOf(unwanted.traceId)).toEqual([]);
  expect(collector.treeOf(invalid.traceId)).toEqual([]);
  expect(collector.treeOf(later.traceId)).toContain("POST /graphql");
  expect(collector.treeOf(longer.traceId)).toEqual([]);
  // What a caller sends is kept until spans are sent, so it is short.
  expect(collector.treeOf(huge.traceId)).toEqual([]);

  const before = collector.spans.length;
  const sampled = await startTestServer({
    test: server.test,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
    },
  });
  await sampled.gql("{ viewer { name } }", {}, { headers: callersTrace() });
  await sampled.close();
  expect(collector.spans).toHaveLength(before);

  const away = await startTestServer({
    test: server.test,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/nowhere` },
  });
  await away.gql("{ viewer { name } }");
  await away.close();
  expect(away.logged.filter(({ msg }) => String(msg).startsWith("Sending traces fails"))).toHaveLength(1);
});
