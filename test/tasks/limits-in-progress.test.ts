import { describe, expect, it } from "vitest";
import { updateProject } from "../../src/projects/update.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const shared = shareServer();

const IDLE = "idle { message pending retryAt reasons { reason count } }";
const CLAIM = `mutation ($input: ClaimNextTaskInput!) { claimNextTask(input: $input) { task { taskId leaseExpiresAt } attempt ${IDLE} } }`;
const LOOK = `query ($projectId: ID!, $worker: String) { nextTask(projectId: $projectId, worker: $worker) { task { taskId } ${IDLE} } }`;
const STATUS = "mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { attempt } }";
const ADD = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";
const UPDATE = `mutation ($input: UpdateProjectInput!) { updateProject(input: $input) {
  project { maxInProgress maxInProgressPerWorker } } }`;

interface Claimed {
  readonly task: { readonly taskId: string; readonly leaseExpiresAt: string } | null;
  readonly attempt: string;
}

/** A project with limits. */
async function limited(limits: object, tasks = 4) {
  const project = await makeProject(
    shared.server,
    Array.from({ length: tasks }, (_, i) => `work ${i}`),
  );
  const { projectId, ask } = project;
  const update = (input: object) =>
    shared.server.gql(UPDATE, { input: { projectId, ...input } }, { key: shared.server.adminKey });
  expect((await update(limits)).errors).toBeUndefined();
  const claim = async (worker: string, leaseSeconds = 60) => {
    const { nextTask } = await ask<{ nextTask: object }>(LOOK, { projectId, worker });
    const { claimNextTask: claimed } = await ask<{ claimNextTask: Claimed }>(CLAIM, {
      input: { projectId, worker, leaseSeconds },
    });
    expect(claimed).toMatchObject(nextTask);
    return claimed;
  };
  const expire = (taskId: string) =>
    shared.owner.query(
      "UPDATE tasks SET lease_expires_at = docket_now() - interval '1 s' WHERE project_id = $1 AND task_id = $2",
      [projectId, taskId],
    );
  const refused = async (document: string, input: object) =>
    (await project.gql(document, { input: { projectId, ...input } })).errors?.[0]?.extensions;
  return { ...project, update, claim, expire, refused };
}

const notReady = (reason: string) => ({ code: "NOT_READY", reasons: [{ reason, message: expect.any(String) }] });

describe("a limit of tasks in progress", () => {
  it("of a project answers idle with the limit and when the first lease ends, and refuses claims by status and new ones", async () => {
    const { projectId, ask, claim, refused } = await limited({ maxInProgress: 2 });
    await claim("anna", 120);
    const { task, attempt } = await claim("ben");
    const { idle } = (await claim("carl")) as unknown as { idle: object };
    expect(idle).toEqual({
      message: expect.stringMatching(`^As many tasks of project ${projectId} are in progress as may be \\(2\\)`),
      pending: 0,
      retryAt: task?.leaseExpiresAt,
      reasons: [
        { reason: "PROJECT_AT_LIMIT", count: 1 },
        { reason: "HELD", count: 2 },
      ],
    });
    const atLimit = notReady("PROJECT_AT_LIMIT");
    expect(await refused(STATUS, { taskId: "TASK-003", status: "IN_PROGRESS" })).toMatchObject(atLimit);
    expect(await refused(ADD, { tasks: [{ description: "x", status: "IN_PROGRESS" }] })).toMatchObject(atLimit);
    await ask(ADD, { input: { projectId, tasks: [{ description: "x" }] } });
    const explain = `query ($projectId: ID!) { task(projectId: $projectId, taskId: "TASK-003") { explainReady { reason } }
      held: task(projectId: $projectId, taskId: "TASK-002") { explainReady { reason } } }`;
    expect(await ask(explain, { projectId })).toEqual({
      task: { explainReady: [{ reason: "PROJECT_AT_LIMIT" }] },
      held: { explainReady: [{ reason: "HELD" }] },
    });
    const { completeAndClaimNext } = await ask<{ completeAndClaimNext: object }>(
      `mutation { completeAndClaimNext(input: {projectId: "${projectId}", taskId: "TASK-002", attempt: "${attempt}"}) { task { taskId } } }`,
    );
    expect(completeAndClaimNext).toEqual({ task: { taskId: "TASK-003" } });
  });

  it("of a worker holds for its name in the project, and leaves the others their work", async () => {
    const { projectId, claim, refused } = await limited({ maxInProgressPerWorker: 1 });
    const { task } = await claim("anna");
    expect(await claim("anna")).toMatchObject({
      task: null,
      idle: {
        message: expect.stringContaining("The worker holds as many"),
        retryAt: task?.leaseExpiresAt,
        reasons: [
          { reason: "WORKER_AT_LIMIT", count: 1 },
          { reason: "HELD", count: 1 },
        ],
      },
    });
    const atLimit = notReady("WORKER_AT_LIMIT");
    expect(await refused(STATUS, { taskId: "TASK-002", status: "IN_PROGRESS", worker: "anna" })).toMatchObject(atLimit);
    const item = { description: "x", status: "IN_PROGRESS" };
    expect(await refused(ADD, { worker: "anna", tasks: [item] })).toMatchObject(atLimit);
    expect(await refused(ADD, { worker: "ben", tasks: [item, item] })).toMatchObject(atLimit);
    expect(await refused(ADD, { worker: "ben", tasks: [item] })).toBeUndefined();
    expect(await claim("carl")).toMatchObject({ task: { taskId: "TASK-002" } });
    const other = await makeProject(shared.server, ["a"]);
    expect(projectId).not.toBe(other.projectId);
    expect(await other.ask(CLAIM, { input: { projectId: other.projectId, worker: "anna" } })).toMatchObject({
      claimNextTask: { task: { taskId: "TASK-001" } },
    });
  });

  it("lets what an expired lease holds be taken again without a free place, by a worker that has one", async () => {
    const { claim, expire } = await limited({ maxInProgress: 2, maxInProgressPerWorker: 1 });
    await claim("anna");
    await claim("ben");
    await expire("TASK-001");
    expect(await claim("ben")).toMatchObject({ task: null });
    expect(await claim("carl")).toMatchObject({ task: { taskId: "TASK-001" } });
    await expire("TASK-002");
    expect(await claim("ben")).toMatchObject({ task: { taskId: "TASK-002" } });
    expect(await claim("dora")).toMatchObject({ task: null });
  });

  it("does not count projects and sessions, until they become tasks", async () => {
    const { projectId, ask, claim, gql } = await limited({ maxInProgress: 1 }, 2);
    const items = [{ kind: "PROJECT", description: "p", metadata: { description: "p" }, status: "IN_PROGRESS" }];
    const { addTasks } = await ask<{ addTasks: { taskIds: string[] } }>(ADD, { input: { projectId, tasks: items } });
    expect(await claim("anna")).toMatchObject({ task: { taskId: "TASK-001" } });
    const { errors } = await gql("mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { replayed } }", {
      input: { projectId, taskId: addTasks.taskIds[0], kind: "TASK" },
    });
    expect(errors).toMatchObject([{ extensions: notReady("PROJECT_AT_LIMIT") }]);
  });

  it("is set from 1 to 10,000 and taken away by null; what is left out stays", async () => {
    const { projectId, update, claim } = await limited({ maxInProgress: 1, maxInProgressPerWorker: 10_000 });
    for (const limit of [0, 10_001])
      for (const name of ["maxInProgress", "maxInProgressPerWorker"])
        expect((await update({ [name]: limit })).errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    expect((await update({ maxInProgress: null })).data).toEqual({
      updateProject: { project: { maxInProgress: null, maxInProgressPerWorker: 10_000 } },
    });
    for (let i = 0; i < 2; i++) expect(await claim("anna")).not.toMatchObject({ task: null });
    // Lowered, it takes nothing away.
    expect((await update({ maxInProgress: 1 })).errors).toBeUndefined();
    expect(await claim("ben")).toMatchObject({ task: null, idle: { reasons: [{ reason: "PROJECT_AT_LIMIT" }, {}] } });
    await expect(
      shared.owner.query(`UPDATE projects SET settings = '{"maxInProgress": 0}' WHERE project_id = $1`, [projectId]),
    ).rejects.toThrow("chk_limits");
  });

  it("is refused by the database to plain SQL", async () => {
    const { projectId } = await limited({ maxInProgress: 2 });
    await expect(
      shared.owner.query("UPDATE tasks SET status = 'in_progress' WHERE project_id = $1", [projectId]),
    ).rejects.toMatchObject({ code: "DK003", detail: projectId });
    await expect(
      shared.owner.query(
        `INSERT INTO tasks (project_id, task_id, description, status) SELECT $1::varchar, 'TASK-10' || n, 'x', 'in_progress'
         FROM generate_series(1, 3) n`,
        [projectId],
      ),
    ).rejects.toMatchObject({ code: "DK003" });
  });
});

const LIMITS = { maxInProgress: 7, maxInProgressPerWorker: 2 };

/** How many were in progress after each event, of the project and of each worker, and the most that there were. */
async function mostInProgress(t: VerbTest) {
  const holders = new Map<string, string>();
  const most = { all: 0, perWorker: 0 };
  for (const { type, subject_id: id, payload } of await t.events()) {
    if (type === "task.claimed") holders.set(id, String(payload["worker"]));
    else if (/^task\.(completed|released|lease_expired|deleted)$/.test(type)) holders.delete(id);
    const counts = Map.groupBy(holders.values(), (worker) => worker);
    most.all = Math.max(most.all, holders.size);
    most.perWorker = Math.max(most.perWorker, ...[...counts.values()].map(({ length }) => length));
  }
  return most;
}

describe("limits under load", () => {
  it("are exact for 100 callers at once, in every way there is to take a task", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 300);
    await updateProject(t.as({ role: "admin" }), { projectId: "alpha", ...LIMITS });
    const of = { projectId: "alpha" };
    let done = 0;
    const callers = Array.from({ length: 100 }, async (_, i) => {
      const worker = `worker-${i % 10}`;
      const ctx = t.as({ client: `session-${i}` });
      const refused = () => null;
      const taskId = `TASK-${300 - i}`;
      const claim = { ...of, taskId, status: "in_progress" as const, worker };
      const item = { description: "x", status: "in_progress" as const };
      const took =
        i % 4 === 0
          ? await updateTaskStatus(ctx, claim).catch(refused)
          : i % 4 === 1
            ? await addTasks(ctx, { ...of, worker, tasks: [item] }).then(({ tasks }) => tasks[0] ?? null, refused)
            : (await claimNextTask(ctx, { ...of, worker, ...(i % 8 === 2 && { idempotencyKey: `${i}` }) })).taken;
      if (!took) return;
      done++;
      const key = { ...of, taskId: took.taskId };
      // A restarted twin of the session: it was silent for half of its lease.
      if (i % 5 === 0) {
        await t.owner.query("UPDATE task_attempts SET claimed_at = claimed_at - interval '1 h' WHERE task_id = $1", [
          key.taskId,
        ]);
        await updateTaskStatus(ctx, { ...claim, ...key, takeOver: true }).catch(refused);
      }
      const { taken } = await completeAndClaimNext(ctx, { ...key, worker });
      if (taken) {
        done++;
        await updateTaskStatus(ctx, { ...of, taskId: taken.taskId, status: "pending" });
      }
    });
    await Promise.all(callers);
    const most = await mostInProgress(t);
    expect(most).toEqual({ all: LIMITS.maxInProgress, perWorker: LIMITS.maxInProgressPerWorker });
    expect(done).toBeGreaterThan(100);
  });

  it("are filled to the last place by claims that come at once, and hold from the moment that they are set", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 200);
    const claims = Array.from({ length: 50 }, (_, i) => claimNextTask(t.as(), { projectId: "alpha", worker: `w${i}` }));
    await updateProject(t.as({ role: "admin" }), { projectId: "alpha", maxInProgress: 60 });
    await Promise.all(claims);
    const more = Array.from({ length: 100 }, (_, i) => claimNextTask(t.as(), { projectId: "alpha", worker: `w${i}` }));
    const taken = (await Promise.all(more)).filter(({ taken }) => taken);
    const { rows } = await t.owner.query("SELECT count(*)::int AS held FROM tasks WHERE status = 'in_progress'");
    expect(rows).toEqual([{ held: 60 }]);
    expect(taken.length).toBeGreaterThanOrEqual(10);
  });
});
