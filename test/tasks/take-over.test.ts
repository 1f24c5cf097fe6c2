import { expect, it } from "vitest";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";

const shared = shareServer();

const TAKE_OVER = `mutation ($projectId: ID!, $worker: String, $status: TaskStatus!) {
  updateTaskStatus(input: {projectId: $projectId, taskId: "TASK-001", status: $status, takeOver: true, worker: $worker, leaseSeconds: 600}) {
    attempt briefing { attempts { number outcome } }
  }
}`;
const OLD = { client: "old session" };
const NEW = { client: "new session" };

/** A project whose first task is held by `claude` of an old session, for ten minutes. */
async function heldByClaude(): Promise<{ server: TestProject; attempt: string }> {
  const server = await makeProject(shared.server, ["a", "b"]);
  const { claimNextTask } = await server.ask<{ claimNextTask: { attempt: string } }>(
    `mutation { claimNextTask(input: {projectId: "${server.projectId}", worker: "claude", leaseSeconds: 600}) { attempt } }`,
    {},
    OLD,
  );
  return { server, attempt: claimNextTask.attempt };
}

const takeOver = (server: TestProject, asking: object = NEW, worker = "claude", status = "IN_PROGRESS") =>
  server.gql<{ updateTaskStatus: { attempt: string; briefing: unknown } }>(
    TAKE_OVER,
    { projectId: server.projectId, worker, status },
    asking,
  );

it("moves a task from a dead session to the next one of the same key and worker name, as a new attempt", async () => {
  const { server, attempt } = await heldByClaude();
  await shared.owner.pass(300);
  const { data, errors } = await takeOver(server);
  expect(errors).toBeUndefined();
  expect(data.updateTaskStatus).toEqual({
    attempt: expect.stringMatching(/^2-[0-9a-f]{12}$/),
    briefing: { attempts: [{ number: 1, outcome: "SUPERSEDED" }] },
  });
  const late = await server.gql(
    'mutation ($attempt: ID) { updateTaskStatus(input: {taskId: "TASK-001", status: COMPLETED, attempt: $attempt}) { replayed } }',
    { attempt },
    OLD,
  );
  expect(late.errors?.[0]?.message).toMatch(/attempt 1 has ended.*held by claude \(attempt 2\)/);
  const { task } = await server.ask<{ task: { history: { events: unknown[] } } }>(
    '{ task(taskId: "TASK-001") { history { events { type payload } } } }',
  );
  expect(task.history.events.slice(2)).toEqual([
    {
      type: "task.claimed",
      payload: {
        attempt: 2,
        supersedes: 1,
        worker: "claude",
        leaseExpiresAt: expect.any(String),
        changes: {
          attemptCount: { old: 1, new: 2 },
          leaseExpiresAt: { old: expect.any(String), new: expect.any(String) },
        },
      },
    },
  ]);
  // Asked for again by the session that has it now, it is a no-op.
  expect((await takeOver(server)).data.updateTaskStatus.attempt).toBe(data.updateTaskStatus.attempt);
});

it("does not rob a twin that lives: half a lease after it was claimed or renewed, and not before", async () => {
  const { server } = await heldByClaude();
  const { rows } = await shared.owner.query(
    "SELECT claimed_at + interval '300 seconds' AS from FROM task_attempts WHERE project_id = $1",
    [server.projectId],
  );
  await shared.owner.pass(295);
  const robbed = await takeOver(server);
  expect(robbed.errors?.[0]).toMatchObject({ extensions: { code: "LEASE_LOST", holder: { attempt: 1 } } });
  expect(robbed.errors?.[0]?.message).toContain(`takeOver is possible from ${rows[0].from.toISOString()}`);

  await server.ask('mutation { renewTaskLease(input: {taskId: "TASK-001", leaseSeconds: 100}) { attempt } }', {}, OLD);
  await shared.owner.pass(45);
  expect((await takeOver(server)).errors?.[0]?.extensions["code"]).toBe("LEASE_LOST");
  await shared.owner.pass(6);
  expect((await takeOver(server)).errors).toBeUndefined();
});

it("takes over nothing of another key or worker, and goes with no other status", async () => {
  const { server } = await heldByClaude();
  await shared.owner.pass(540);
  const { secret: key } = await server.makeKey({ name: "other" });
  for (const refused of [
    takeOver(server, { ...NEW, key }),
    takeOver(server, { ...NEW, key: server.adminKey }),
    takeOver(server, NEW, "twin"),
  ])
    expect((await refused).errors?.[0]).toMatchObject({
      message: expect.stringContaining("takeOver is for what your own key holds under the same worker name"),
      extensions: { code: "LEASE_LOST" },
    });
  const completed = await takeOver(server, OLD, "claude", "COMPLETED");
  expect(completed.errors?.[0]).toMatchObject({
    message: "takeOver goes with status IN_PROGRESS.",
    extensions: { code: "BAD_USER_INPUT" },
  });
  // An expired lease is free for all, and the attempt expired.
  await shared.owner.pass(61);
  const { data } = await takeOver(server, NEW, "twin");
  expect(data.updateTaskStatus.briefing).toEqual({ attempts: [{ number: 1, outcome: "EXPIRED" }] });
});

it("tells a claim of what another session of the same key and worker name holds from when on it may take over", async () => {
  const { server } = await heldByClaude();
  const claim = async (worker: string, asking: object = NEW): Promise<Record<string, unknown>> => {
    const { errors } = await server.gql(
      'mutation ($worker: String, $projectId: ID!) { updateTaskStatus(input: {projectId: $projectId, taskId: "TASK-001", status: IN_PROGRESS, worker: $worker}) { attempt } }',
      { projectId: server.projectId, worker },
      asking,
    );
    const { message, extensions } = errors?.[0] ?? {};
    return { ...extensions, message };
  };
  const early = await claim("claude");
  const from = new Date(String(early["takeOverFrom"])).toISOString();
  expect(early["message"]).toMatch(`if that session died, takeOver is possible from ${from}, unless it renews.`);
  expect(early["message"]).toMatch(/Nothing of this call was kept\. If that session lives, .* send takeOver: true\.$/);
  for (const other of [await claim("twin"), await claim("claude", { ...NEW, key: server.adminKey })]) {
    expect(other["message"]).toMatch(/this session does not hold it\. .*held by claude/);
    expect(other).not.toHaveProperty("takeOverFrom");
  }
  const unknown = await claim("claude", { client: null });
  expect(unknown).toMatchObject({ attemptMissing: true, takeOverFrom: early["takeOverFrom"] });

  await shared.owner.pass(300);
  expect(await claim("claude")).toMatchObject({
    message: expect.stringContaining("takeOver is possible now."),
    takeOverFrom: early["takeOverFrom"],
  });
});

it("gives a task to one of two sessions that take it over at once", async () => {
  const { server } = await heldByClaude();
  await shared.owner.pass(400);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => takeOver(server, { client: `session ${i}` })));
  expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1);
});

it("tells who looks or claims what its key holds under the same worker name, and in which session", async () => {
  const { server } = await heldByClaude();
  await shared.owner.pass(10);
  const renewal = 'mutation { renewTaskLease(input: {taskId: "TASK-001", leaseSeconds: 600}) { attempt } }';
  await server.ask(renewal, {}, OLD);
  const { projectId } = server;
  const fields = "holding { projectId taskId worker leaseExpiresAt lastRenewedAt thisSession }";
  const look = async (asking: object, worker = "claude") => {
    const document = `query ($worker: String) { nextTask(projectId: "${projectId}", worker: $worker) { ${fields} } }`;
    return (await server.ask<{ nextTask: { holding: unknown[] } }>(document, { worker }, asking)).nextTask.holding;
  };
  const held = {
    projectId,
    taskId: "TASK-001",
    worker: "claude",
    leaseExpiresAt: expect.any(String),
    lastRenewedAt: expect.any(String),
  };
  expect(await look(OLD)).toEqual([{ ...held, thisSession: true }]);
  expect(await look(NEW)).toEqual([{ ...held, thisSession: false }]);
  expect(await look({ client: null })).toEqual([{ ...held, thisSession: false }]);
  expect(await look(NEW, "twin")).toEqual([]);
  expect(await look({ key: server.adminKey })).toEqual([]);

  const claimed = await server.ask<{ claimNextTask: unknown }>(
    `mutation { claimNextTask(input: {projectId: "${projectId}", worker: "claude"}) { task { taskId } ${fields} } }`,
    {},
    NEW,
  );
  expect(claimed.claimNextTask).toEqual({ task: { taskId: "TASK-002" }, holding: [{ ...held, thisSession: false }] });
  expect(await look(NEW)).toMatchObject([
    { taskId: "TASK-002", thisSession: true, lastRenewedAt: null },
    { taskId: "TASK-001", thisSession: false },
  ]);

  // What has expired is free for all, though its attempt is open until somebody takes it.
  await shared.owner.pass(601);
  expect(await look(NEW)).toMatchObject([{ taskId: "TASK-002" }]);
});

it("tells nothing to a caller of neither name nor client id, as what the key's name holds may be anybody's", async () => {
  const server = await makeProject(shared.server, ["a", "b"]);
  const next = (argument: string) => `nextTask(projectId: "${server.projectId}"${argument}) { holding { taskId } }`;
  const document = `mutation { claimNextTask(input: {projectId: "${server.projectId}"}) { task { taskId } holding { taskId } } }`;
  const claim = (client: string | null) => server.ask<{ claimNextTask: unknown }>(document, {}, { client });
  expect((await claim(null)).claimNextTask).toEqual({ task: { taskId: "TASK-001" }, holding: [] });
  expect((await claim(null)).claimNextTask).toEqual({ task: { taskId: "TASK-002" }, holding: [] });
  for (const argument of ["", ', worker: "agent"'])
    expect(await server.ask(`{ ${next(argument)} }`, {}, { client: null })).toEqual({ nextTask: { holding: [] } });
  const known = await server.ask(`{ ${next("")} }`, {}, NEW);
  expect(known).toEqual({ nextTask: { holding: [{ taskId: "TASK-002" }, { taskId: "TASK-001" }] } });
});

it("tells a limited key of nothing that its name holds outside its projects", async () => {
  const { secret: key, keyId } = await shared.server.makeKey({ name: "narrowed" });
  await shared.server.ask(
    `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a", status: IN_PROGRESS}]}) { tasksAdded }
       createProject(input: {projectId: "beta", name: "B"}) { replayed } }`,
    {},
    { key },
  );
  await shared.owner.query("UPDATE api_keys SET project_ids = '{beta}' WHERE key_id = $1", [keyId]);
  const { nextTask } = await shared.server.ask<{ nextTask: unknown }>(
    '{ nextTask(projectId: "beta") { holding { taskId } } }',
    {},
    { key },
  );
  expect(nextTask).toEqual({ holding: [] });
});
