import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";
import { OWN_LOCK } from "../support/waiting.ts";

const KEY = "a-key-for-prometheus";

/** What a server tells, each line by its name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at))];
    }),
  );
}

/** Name and labels of each metric in the documentation's table. */
async function documented(): Promise<Map<string, string[]>> {
  const text = await readFile("docs/metrics.md", "utf8");
  const rows = [...text.matchAll(/^\| `(docket_\w+)` +\|([^|]*)\|/gm)];
  return new Map(
    rows.map(([, name = "", labels = ""]) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label)]),
  );
}

test("metrics tell what the documentation names, with these labels, and count what was done through every door", async () => {
  const server = await startTestServer({
    env: { DOCKET_METRICS_KEY: KEY, DOCKET_SLOW_STATEMENT_MS: "1", DOCKET_JOBS: "webhooks" },
  });
  const owner = await connectOwner(server.test);
  await server.ask(`mutation {
    createProject(input: {projectId: "alpha", name: "A"}) { replayed }
    addTasks(input: {projectId: "alpha", tasks: [{description: "a"}, {description: "b"}, {description: "c"}]}) { taskIds }
    claimNextTask(input: {projectId: "alpha", worker: "w"}) { attempt }
    reserveIds(input: {projectId: "alpha", artifactType: "US"}) { reservedIds }
    a: nextId(input: {projectId: "alpha", artifactType: "US"}) { id }
    b: nextId(input: {projectId: "alpha", artifactType: "US"}) { id }
  }`);
  await server.ask(
    'mutation { updateProject(input: {projectId: "alpha", budget: {costUsd: 20, per: DAY}}) { replayed } }',
    {},
    { key: server.adminKey },
  );
  const { claimNextTask: claimed } = await server.ask<{ claimNextTask: { attempt: string } }>(
    'mutation { claimNextTask(input: {projectId: "alpha", worker: "w"}) { attempt } }',
  );
  // Claimed two hours ago, so that its cycle time falls between two limits.
  await owner.query("UPDATE tasks SET started_at = started_at - interval '2.5 hours' WHERE task_id = 'TASK-002'");
  await owner.query("UPDATE tasks SET created_at = created_at - interval '1 hour' WHERE task_id = 'TASK-003'");
  await server.ask(
    `mutation ($attempt: ID!) { updateTaskStatus(input: {projectId: "alpha", taskId: "TASK-002", status: COMPLETED,
      attempt: $attempt, usage: {inputTokens: 1200, outputTokens: 34, costUsd: 0.5}}) { replayed } }`,
    claimed,
  );
  await server.gql('{ task(projectId: "alpha", taskId: "TASK-999") { title } }');
  await server.gql('{ task(projectId: "alpha", taskId: "TASK-001") { title } }');
  await server.gql("{ nonsense }");
  const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
  socket.send({ type: "subscribe", id: "1", payload: { query: "subscription { taskEvents { cursor } }" } });
  await socket.next();
  // Slower than any limit: it is told by the name of the statement.
  await owner.query("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE");
  const slow = server.gql('{ nextTask(projectId: "alpha") { task { taskId } } }');
  await eventually(async () =>
    expect(
      (await owner.query(`SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'tasks'::regclass`))
        .rowCount,
    ).toBe(1),
  );
  await owner.query("ROLLBACK");
  await slow;

  const told = await eventually(async () => {
    const values = await scrape(server.url);
    expect(values.get('docket_events_total{type="task.claimed"}')).toBe(2);
    expect(values.get('docket_events_total{type="task.completed"}')).toBe(1);
    expect(values.get('docket_events_total{type="ids.reserved"}')).toBe(1);
    return values;
  });
  const requests = (field: string, code: string, door = "graphql") =>
    told.get(`docket_requests_total{door="${door}",field="${field}",code="${code}"}`);
  expect(requests("nextId", "OK")).toBe(1);
  expect(requests("task", "OK")).toBeGreaterThan(0);
  expect(requests("(none)", "BAD_USER_INPUT")).toBe(1);
  expect(told.get('docket_request_duration_seconds_count{field="(several)"}')).toBe(1);
  expect(told.get('docket_request_duration_seconds_count{field="updateProject"}')).toBe(1);
  expect(told.get('docket_tasks{project="alpha",status="pending"}')).toBe(1);
  expect(told.get('docket_tasks{project="alpha",status="in_progress"}')).toBe(1);
  expect(told.get('docket_tasks{project="alpha",status="completed"}')).toBe(1);
  expect(told.get('docket_queue_age_seconds{project="alpha"}')).toBeCloseTo(3_600, -2);
  expect(told.get('docket_task_cycle_seconds_bucket{le="7200"}')).toBe(0);
  expect(told.get('docket_task_cycle_seconds_bucket{le="14400"}')).toBe(1);
  expect(told.get('docket_usage_tokens{project="alpha",kind="input"}')).toBe(1200);
  expect(told.get('docket_usage_tokens{project="alpha",kind="output"}')).toBe(34);
  expect(told.get('docket_usage_cost_usd{project="alpha"}')).toBe(0.5);
  expect(told.get('docket_budget_usd{project="alpha"}')).toBe(20);
  expect(told.get('docket_budget_spent_usd{project="alpha"}')).toBe(0.5);
  expect(told.get("docket_ready")).toBe(1);
  expect(told.get("docket_subscribers")).toBe(1);
  expect(told.get("docket_database_up")).toBe(1);
  expect(told.get('docket_job_failures{job="webhooks"}')).toBe(0);
  expect([...told.keys()].some((line) => /^docket_slow_statements_total\{statement="[\w-]*next/.test(line))).toBe(true);

  const labels = new Map<string, Set<string>>();
  for (const line of told.keys()) {
    const [, name = "", within = ""] = /^(\w+)(?:\{(.*)\})?$/.exec(line) ?? [];
    if (!name.startsWith("docket_")) continue;
    const metric = name.replace(/_(bucket|sum|count)$/, "");
    const known = labels.get(metric) ?? new Set();
    for (const [, label = ""] of within.matchAll(/(\w+)="/g)) if (label !== "le") known.add(label);
    labels.set(metric, known);
  }
  expect(Object.fromEntries([...labels].map(([name, of]) => [name, [...of].toSorted()]))).toEqual(
    Object.fromEntries([...(await documented())].map(([name, of]) => [name, of.toSorted()])),
  );
});

test("metrics sum what is beyond the fifty largest projects, and leave templates out", async () => {
  const server = await startTestServer({ env: { DOCKET_METRICS_KEY: KEY } });
  const owner = await connectOwner(server.test);
  const made = Array.from(
    { length: 52 },
    (_, i) => `p${i + 1}: createProject(input: {projectId: "p${i + 1}", name: "P"}) { replayed }`,
  );
  await server.ask(`mutation { ${made.join(" ")} }`);
  await owner.query(`
    INSERT INTO tasks (project_id, task_id, description) SELECT 'p' || n, artifact_id('TASK', t), 'd'
      FROM generate_series(1, 52) n, generate_series(1, CASE WHEN n <= 50 THEN 3 ELSE 2 END) t;
    INSERT INTO tasks (project_id, task_id, description, is_template) VALUES ('p50', 'TASK-004', 'd', true)`);
  const told = await scrape(server.url);
  const tasks = [...told].filter(([line]) => line.startsWith("docket_tasks{"));
  expect(tasks).toHaveLength(51);
  expect(told.get('docket_tasks{project="_other",status="pending"}')).toBe(4);
  expect(told.get('docket_tasks{project="p50",status="pending"}')).toBe(3);
});

test("metrics are for who has their key or comes from an address that needs none, and else there are none", async () => {
  const closed = await startTestServer();
  expect((await fetch(`${closed.url}/metrics`)).status).toBe(404);
  const byKey = await startTestServer({ test: closed.test, env: { DOCKET_METRICS_KEY: KEY } });
  const status = async (url: string, headers: Record<string, string> = {}) =>
    (await fetch(`${url}/metrics`, { headers })).status;
  expect(await status(byKey.url)).toBe(401);
  expect(await status(byKey.url, { authorization: `Bearer ${KEY}x` })).toBe(401);
  expect(await status(byKey.url, { authorization: `Bearer ${byKey.adminKey}` })).toBe(401);
  expect(await status(byKey.url, { authorization: `Bearer ${KEY}` })).toBe(200);
  const here = await startTestServer({ test: closed.test, env: { DOCKET_METRICS_FROM: "127.0.0.0/8, ::1" } });
  expect(await status(here.url)).toBe(200);
  expect(await status(here.url, { "x-forwarded-for": "127.0.0.1" })).toBe(401);
  const elsewhere = await startTestServer({ test: closed.test, env: { DOCKET_METRICS_FROM: "10.0.0.0/8" } });
  expect(await status(elsewhere.url)).toBe(401);
});
