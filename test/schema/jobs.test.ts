import { expect, it } from "vitest";
import { startEndpoint } from "../delivery/webhooks/endpoint.ts";
import { connectTools } from "../mcp/connect.ts";
import { nextOf, subscribe } from "../support/event-stream.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { makeProject, startTestServer } from "../support/server.ts";

interface Jobs {
  readonly jobs: {
    readonly name: string;
    readonly enabled: boolean;
    readonly lagSeconds: number | null;
    readonly steps: { readonly description: string; readonly lastRunAt: string | null; readonly failures: number }[];
  }[];
}

const JOBS = `{ jobs { name description enabled lagSeconds steps { description lastRunAt dueAt failures lastFailure } } }`;

it("shows an unlimited admin every job: whether it runs here, when it ran, when it is due, how late it is", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "leases,retention" } });
  const owner = await connectOwner(server.test);
  const ask = () => server.ask<Jobs>(JOBS, {}, { key: server.adminKey });
  await eventually(async () =>
    expect((await ask()).jobs).toMatchObject([
      { name: "bus", enabled: false, steps: [] },
      { name: "webhooks", enabled: false, lagSeconds: 0, steps: [] },
      {
        name: "leases",
        enabled: true,
        lagSeconds: 0,
        steps: [
          { lastRunAt: expect.any(String), dueAt: expect.any(String), failures: 0, lastFailure: null },
          { lastRunAt: expect.any(String), dueAt: expect.any(String), failures: 0, lastFailure: null },
        ],
      },
      { name: "reservations", enabled: false, lagSeconds: 0, steps: [] },
      { name: "recurrences", enabled: true, lagSeconds: 0, steps: [{ failures: 0 }] },
      { name: "pauses", enabled: true, lagSeconds: 0, steps: [{ failures: 0 }] },
      { name: "reminders", enabled: true, lagSeconds: 0, steps: [{ failures: 0 }] },
      { name: "archive", enabled: true, lagSeconds: null, steps: [{ failures: 0 }] },
      { name: "retention", enabled: true, lagSeconds: null, steps: [{ failures: 0 }, { failures: 0 }] },
    ]),
  );
  const { projectId } = await makeProject(server, []);
  await server.ask(
    `mutation ($projectId: ID!) {
      createWebhook(input: {url: "https://hooks.example/", projectIds: [$projectId]}) { secret }
      reserveIds(input: {projectId: $projectId, artifactType: "US", ttlSeconds: 60}) { reservedIds }
    }`,
    { projectId },
    { key: server.adminKey },
  );
  // What carries the log on is behind by what is in it.
  await owner.query(
    "INSERT INTO log_readers (reader, position, hash) VALUES ('bus', 0, decode(repeat('00', 8), 'hex'))",
  );
  await owner.query("SELECT drain()");
  // Without processes that run them, reservations, the bus and webhooks are late, whoever is asked.
  await owner.pass(100);
  const late = Object.fromEntries((await ask()).jobs.map(({ name, lagSeconds }) => [name, lagSeconds]));
  expect(late["reservations"]).toBeGreaterThanOrEqual(40);
  expect(late["reservations"]).toBeLessThan(100);
  for (const job of ["bus", "webhooks"]) {
    expect(late[job]).toBeGreaterThanOrEqual(100);
    expect(late[job]).toBeLessThan(160);
  }
});

it("runs a job that a list of names written for 0.1.0 could not name", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "expiry,retention" } });
  const { jobs } = await server.ask<Jobs>(JOBS, {}, { key: server.adminKey });
  expect(Object.fromEntries(jobs.map(({ name, enabled }) => [name, enabled]))).toEqual({
    ...{ bus: false, webhooks: false, leases: true, reservations: true, recurrences: true, pauses: true },
    ...{ reminders: true, archive: true, retention: true },
  });
});

it("shows nobody else the jobs of the server", async () => {
  const server = await startTestServer();
  const { projectId } = await makeProject(server, []);
  const limited = await server.makeKey({ name: "limited", role: "admin", projectIds: [projectId] });
  for (const key of [limited.secret, server.agentKey]) {
    const { data, errors } = await server.gql(JOBS, {}, { key });
    expect([data, errors?.[0]?.extensions["code"]]).toEqual([{ jobs: null }, "FORBIDDEN"]);
  }
});

it("counts the failures of a job until it goes well again", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "leases" } });
  const owner = await connectOwner(server.test);
  const leases = async () => {
    const { jobs } = await server.ask<Jobs>(JOBS, {}, { key: server.adminKey });
    return jobs.find(({ name }) => name === "leases")?.steps[0];
  };
  const project = await makeProject(server, ["work"]);
  await project.ask("mutation ($id: ID!) { claimNextTask(input: {projectId: $id, leaseSeconds: 1}) { attempt } }", {
    id: project.projectId,
  });
  await owner.query("ALTER TABLE task_attempts ADD CONSTRAINT stuck CHECK (outcome <> 'expired')");
  await eventually(async () =>
    expect(await leases()).toMatchObject({
      failures: expect.toSatisfy((n) => n > 0),
      lastFailure: expect.stringMatching(/stuck/),
    }),
  );
  await owner.query("ALTER TABLE task_attempts DROP CONSTRAINT stuck");
  await eventually(async () =>
    expect(await leases()).toMatchObject({ failures: 0, lastFailure: expect.stringMatching(/stuck/) }),
  );
});

it("tells streams, waiting agents, history and webhooks that a lease has ended, though nobody claims", async () => {
  const endpoint = await startEndpoint();
  const server = await startTestServer({
    env: { DOCKET_JOBS: "-retention", DOCKET_WEBHOOK_PRIVATE_NETWORKS: "127.0.0.0/8" },
  });
  const project = await makeProject(server, ["work"]);
  const { projectId } = project;
  await server.ask(
    `mutation ($url: String!, $projectId: ID!) {
      createWebhook(input: {url: $url, projectIds: [$projectId], types: ["task.lease_expired"]}) { secret } }`,
    { url: endpoint.url, projectId },
    { key: server.adminKey },
  );
  const { events } = await subscribe(
    server.url,
    `subscription { taskEvents(filter: {types: ["task.lease_expired"]}) { events { type worker task { status claimedBy } } } }`,
    { key: project.agentKey },
  );
  await nextOf(events);
  await using tools = await connectTools({ ...project, defaultProject: projectId });
  const claimed = await project.ask<{ claimNextTask: { task: { leaseExpiresAt: string } } }>(
    `mutation ($projectId: ID!) {
      claimNextTask(input: {projectId: $projectId, worker: "anna", leaseSeconds: 1}) { task { leaseExpiresAt } } }`,
    { projectId },
  );
  const { leaseExpiresAt } = claimed.claimNextTask.task;
  const { logCursor } = await project.ask<{ logCursor: string }>("{ logCursor }");
  const idle = await project.ask<{ nextTask: { idle: { retryAt: string } } }>(
    "query ($projectId: ID!) { nextTask(projectId: $projectId) { idle { retryAt } } }",
    { projectId },
  );
  expect(idle.nextTask.idle?.retryAt ?? leaseExpiresAt).toBe(leaseExpiresAt);

  const waited = await tools.call("wait_for_changes", { cursor: logCursor, wait_seconds: 30 });
  expect(waited.data).toMatchObject({ events: [{ type: "task.lease_expired", subject: "TASK-001", actor: "server" }] });
  expect(JSON.parse((await nextOf(events)).data)).toMatchObject({
    data: {
      taskEvents: {
        events: [{ type: "task.lease_expired", worker: "anna", task: { status: "PENDING", claimedBy: null } }],
      },
    },
  });
  const { task } = await project.ask<{ task: { history: { events: { occurredAt: string }[] } } }>(
    `{ task(taskId: "TASK-001") { history { events { type occurredAt payload } } } }`,
  );
  expect(task.history.events).toMatchObject([
    { type: "task.created" },
    { type: "task.claimed" },
    { type: "task.lease_expired", payload: { attempt: 1, worker: "anna" } },
  ]);
  const lateMs = Date.parse(task.history.events[2]?.occurredAt ?? "") - Date.parse(leaseExpiresAt);
  expect(lateMs).toBeGreaterThanOrEqual(0);
  expect(lateMs).toBeLessThan(10_000);
  await eventually(() =>
    expect(endpoint.received.map(({ event }) => [event.type, event.subject])).toEqual([
      [expect.stringContaining("task.lease_expired"), expect.stringContaining("TASK-001")],
    ]),
  );
});

it("tells within seconds of a lease that was made shorter, and of a reservation that was to be short", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "leases,reservations" } });
  const owner = await connectOwner(server.test);
  const project = await makeProject(server, ["work"]);
  const of = { projectId: project.projectId };
  const { claimNextTask: claimed } = await project.ask<{ claimNextTask: { attempt: string } }>(
    "mutation ($projectId: ID!) { claimNextTask(input: {projectId: $projectId, leaseSeconds: 600}) { attempt } }",
    of,
  );
  await project.ask(
    `mutation ($projectId: ID!, $attempt: ID!) {
      renewTaskLease(input: {projectId: $projectId, taskId: "TASK-001", attempt: $attempt, leaseSeconds: 1}) { replayed }
      reserveIds(input: {projectId: $projectId, artifactType: "US", ttlSeconds: 1}) { reservedIds }
    }`,
    { ...of, attempt: claimed.attempt },
  );
  await eventually(
    async () => {
      const { rows } = await owner.query(
        "SELECT event_type FROM events WHERE event_type IN ('task.lease_expired', 'ids.expired')",
      );
      expect(rows).toHaveLength(2);
    },
    { timeout: 20_000 },
  );
  const { rows } = await owner.query(
    `SELECT event_type, extract(epoch FROM occurred_at - (payload ->> CASE event_type
       WHEN 'ids.expired' THEN 'expiresAt' ELSE 'leaseExpiresAt' END)::timestamptz)::float AS late
     FROM events WHERE event_type IN ('task.lease_expired', 'ids.expired') ORDER BY 1`,
  );
  expect(rows).toEqual([
    { event_type: "ids.expired", late: expect.toSatisfy((late) => late >= 0 && late < 10) },
    { event_type: "task.lease_expired", late: expect.toSatisfy((late) => late >= 0 && late < 10) },
  ]);
});
