import { describe, expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { endPauses, pausesDueInMs } from "../../src/projects/end-pauses.ts";
import { pauseProject, resumeProject } from "../../src/projects/pause.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { eventually } from "../support/eventually.ts";
import { makeProject, shareServer, startTestServer } from "../support/server.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

const shared = shareServer();
const admin = { role: "admin" as const };

const IDLE = "idle { message pending retryAt reasons { reason count } }";
const CLAIM = `mutation ($input: ClaimNextTaskInput!) { claimNextTask(input: $input) { task { taskId } attempt ${IDLE} } }`;
const PAUSE = `mutation ($input: PauseProjectInput!) { pauseProject(input: $input) {
  project { pausedAt pauseReason pausedUntil version } } }`;
const RESUME = `mutation ($input: ResumeProjectInput!) { resumeProject(input: $input) {
  project { pausedAt pauseReason pausedUntil version } } }`;
const ADD = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";
const STATUS = "mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { task { status } } }";

interface Claimed {
  readonly claimNextTask: { task: { taskId: string } | null; attempt: string; idle: object | null };
}

/** A project of which three tasks are held by one worker, and one waits. */
async function worked() {
  const project = await makeProject(shared.server, ["a", "b", "c", "d"]);
  const { projectId, ask } = project;
  const attempts: string[] = [];
  for (let i = 0; i < 3; i++)
    attempts.push((await ask<Claimed>(CLAIM, { input: { projectId, leaseSeconds: 60 } })).claimNextTask.attempt);
  const asAdmin = <Data>(document: string, input: object) =>
    shared.server.ask<Data>(document, { input: { projectId, ...input } }, { key: shared.server.adminKey });
  return { ...project, attempts, asAdmin };
}

describe("a paused project", () => {
  it("hands out no work, says why and when to ask again, and lets what is held go on", async () => {
    const { projectId, ask, gql, attempts, asAdmin } = await worked();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const { pauseProject } = await asAdmin<{ pauseProject: object }>(PAUSE, { reason: "quota", until });
    expect(pauseProject).toEqual({
      project: { pausedAt: expect.any(String), pauseReason: "quota", pausedUntil: until, version: 2 },
    });

    const idle = {
      message: `Project ${projectId} is paused until ${until} (quota): it hands out no work until its time is over or an admin sends resumeProject; what is held goes on.`,
      pending: 0,
      retryAt: until,
      reasons: [
        { reason: "PROJECT_PAUSED", count: 1 },
        { reason: "HELD", count: 3 },
      ],
    };
    expect((await ask<Claimed>(CLAIM, { input: { projectId } })).claimNextTask).toEqual({
      task: null,
      attempt: null,
      idle,
    });
    const { nextTask, task } = await ask<{ nextTask: object; task: object }>(
      `query ($projectId: ID!) { nextTask(projectId: $projectId) { task { taskId } ${IDLE} }
        task(projectId: $projectId, taskId: "TASK-004") { ready explainReady { reason message until } } }`,
      { projectId },
    );
    expect(nextTask).toEqual({ task: null, idle });
    const explained = { reason: "PROJECT_PAUSED", message: idle.message, until };
    expect(task).toEqual({ ready: true, explainReady: [explained] });
    const claim = { projectId, taskId: "TASK-004", status: "IN_PROGRESS" };
    expect((await gql(STATUS, { input: claim })).errors).toMatchObject([
      { extensions: { code: "NOT_READY", reasons: [explained] } },
    ]);
    const items = [{ description: "new" }, { description: "taken", status: "IN_PROGRESS" }];
    expect((await gql(ADD, { input: { projectId, tasks: items } })).errors).toMatchObject([
      { extensions: { code: "NOT_READY", projectId, reasons: [{ reason: "PROJECT_PAUSED" }] } },
    ]);
    await ask(ADD, { input: { projectId, tasks: items.slice(0, 1) } });

    const of = (i: number) => `projectId: "${projectId}", taskId: "TASK-00${i + 1}", attempt: "${attempts[i]}"`;
    expect(
      await ask(
        `mutation { renewTaskLease(input: {${of(0)}, leaseSeconds: 90}) { replayed } releaseTask(input: {${of(1)}}) { task { status } }
          completeAndClaimNext(input: {${of(2)}}) { completed { status } task { taskId } idle { message } }
          updateTaskStatus(input: {${of(0)}, status: COMPLETED}) { task { status } } }`,
      ),
    ).toEqual({
      renewTaskLease: { replayed: false },
      releaseTask: { task: { status: "PENDING" } },
      completeAndClaimNext: { completed: { status: "COMPLETED" }, task: null, idle: { message: idle.message } },
      updateTaskStatus: { task: { status: "COMPLETED" } },
    });

    await asAdmin(RESUME, {});
    expect((await ask<Claimed>(CLAIM, { input: { projectId } })).claimNextTask.task).toEqual({ taskId: "TASK-002" });
  });

  it("is told of once for each change, and keeps when its pause began", async () => {
    const { projectId, asAdmin } = await worked();
    const pause = async (input: object) =>
      (await asAdmin<{ pauseProject: { project: { pausedAt: string } } }>(PAUSE, input)).pauseProject.project;
    const { pausedAt } = await pause({ reason: "quota" });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    expect(await pause({ reason: "quota" })).toMatchObject({ pausedAt, version: 2 });
    expect(await pause({ reason: "night", until })).toMatchObject({ pausedAt, pausedUntil: until, version: 3 });
    expect(await pause({ reason: "night", until })).toMatchObject({ version: 3 });
    for (let i = 0; i < 2; i++)
      expect(await asAdmin(RESUME, {})).toEqual({
        resumeProject: { project: { pausedAt: null, pauseReason: null, pausedUntil: null, version: 4 } },
      });
    const { events } = await asAdmin<{ events: { events: object[] } }>(
      `{ events(filter: {projects: ["${projectId}"], types: ["project.*"]}) { events { type changes { field old new } } } }`,
      {},
    );
    const at = expect.stringContaining("T");
    const change = (field: string, old: unknown, now: unknown) => ({ field, old, new: now });
    expect(events.events.slice(1)).toEqual([
      {
        type: "project.paused",
        changes: [change("pausedAt", null, at), change("pauseReason", null, "quota")],
      },
      {
        type: "project.paused",
        changes: [change("pauseReason", "quota", "night"), change("pausedUntil", null, at)],
      },
      {
        type: "project.resumed",
        changes: [change("pausedAt", at, null), change("pauseReason", "night", null), change("pausedUntil", at, null)],
      },
    ]);
  });

  it("refuses a time that is past, a reason that says nothing or too much, another version, and keys that may not", async () => {
    const { projectId } = await makeProject(shared.server, []);
    const pause = (input: object, key = shared.server.adminKey) =>
      shared.server.gql(PAUSE, { input: { projectId, ...input } }, { key });
    for (const input of [{ until: new Date(0).toISOString() }, { reason: " " }, { reason: "x".repeat(501) }])
      expect((await pause(input)).errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    expect((await pause({ expectedVersion: 2 })).errors).toMatchObject([{ extensions: { code: "VERSION_CONFLICT" } }]);
    expect((await pause({}, shared.server.agentKey)).errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    expect((await pause({ reason: "x".repeat(500) })).errors).toBeUndefined();
  });
});

describe("a pause with an end", () => {
  it("is over at its time, also where nobody ends it, and is told of once", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 3);
    await t.owner.query("UPDATE tasks SET ready_at = docket_now() + interval '90 s' WHERE task_id = 'TASK-003'");
    const [time] = await t.database.read<{ until: Date }>("SELECT docket_now() + interval '60 s' AS until");
    await pauseProject(t.as(admin), { projectId: "alpha", until: time?.until });
    const jobs = t.as(SERVER);
    expect(await pausesDueInMs(t.database)).toBeGreaterThan(0);
    expect(await endPauses(jobs)).toBe(false);
    const claim = () => claimNextTask(t.as(), { projectId: "alpha" });
    expect((await claim()).idle?.retryAt).toEqual(time?.until);
    await t.pass(61);
    expect((await claim()).taken?.taskId).toBe("TASK-001");
    expect(await pausesDueInMs(t.database)).toBeLessThan(0);
    await Promise.all([endPauses(jobs), endPauses(jobs)]);
    expect(await endPauses(jobs)).toBe(false);
    expect(await pausesDueInMs(t.database)).toBeNull();
    const resumed = (await t.events()).filter(({ type }) => type === "project.resumed");
    expect(resumed).toMatchObject([{ payload: { changes: { pausedAt: { new: null } } } }]);
  });

  it("asks to come again when something is there to take, if that is later than its end", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    const { rows } = await t.owner.query<{ ready: Date; until: Date }>(
      `UPDATE tasks SET ready_at = docket_now() + interval '90 s'
       RETURNING ready_at AS ready, docket_now() + interval '60 s' AS until`,
    );
    await pauseProject(t.as(admin), { projectId: "alpha", until: rows[0]?.until });
    const { idle } = await claimNextTask(t.as(), { projectId: "alpha" });
    expect(idle?.retryAt?.getTime()).toBe(rows[0]?.ready.getTime());
  });

  it("wakes those who wait for events of the project", async () => {
    const server = await startTestServer({ env: { DOCKET_JOBS: "pauses" } });
    const { projectId } = await makeProject(server, ["a"]);
    const asAdmin = { key: server.adminKey };
    const { logCursor } = await server.ask<{ logCursor: string }>("{ logCursor }");
    const until = new Date(Date.now() + 300).toISOString();
    await server.ask(PAUSE, { input: { projectId, until } }, asAdmin);
    await eventually(async () => {
      const { events } = await server.ask<{ events: { events: object[] } }>(
        `query ($after: String) { events(filter: {projects: ["${projectId}"], types: ["project.resumed"]}, after: $after, waitSeconds: 20) {
          events { type actor } } }`,
        { after: logCursor },
      );
      expect(events.events).toEqual([{ type: "project.resumed", actor: "server" }]);
    });
  });
});

describe("pausing under load", () => {
  it("waits for claims under way, and lets none come after it in the log", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1_000);
    for (let round = 1; round <= 3; round++) {
      let paused = false;
      const workers = Array.from({ length: 10 }, async (_, i) => {
        for (let n = 0; ; n++) {
          if (i === 0) {
            const claimed = updateTaskStatus(t.as(), {
              projectId: "alpha",
              taskId: idOf(1_000 - n),
              status: "in_progress",
            });
            const refusal = await claimed.then(
              () => null,
              (error: { code: string }) => error.code,
            );
            // DK002 is the trigger's own word for it, until the error is presented.
            if (refusal === "DK002" || (paused && refusal === "NOT_READY")) return;
          } else if (i === 1) {
            const added = addTasks(t.as(), {
              projectId: "alpha",
              tasks: [{ description: "x", status: "in_progress" }],
            });
            if (
              await added.then(
                () => false,
                () => true,
              )
            )
              return;
          } else {
            const { idle } = await claimNextTask(t.as({ client: `s${i}` }), { projectId: "alpha" });
            if (idle) return expect(idle.reasons[0]).toEqual({ reason: "project_paused", count: 1 });
          }
        }
      });
      await claimNextTask(t.as(), { projectId: "alpha" });
      await pauseProject(t.as(admin), { projectId: "alpha" });
      paused = true;
      await Promise.all(workers);
      const claims = (await t.events()).filter(({ type }) => /^(task.claimed|project.paused)$/.test(type));
      expect([round, claims.at(-1)?.type]).toEqual([round, "project.paused"]);
      expect(claims.length).toBeGreaterThan(round);
      await resumeProject(t.as(admin), { projectId: "alpha" });
    }
  });

  it("is refused by the database to plain SQL", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 2);
    await t.owner.query("UPDATE tasks SET status = 'in_progress' WHERE task_id = 'TASK-001'");
    await pauseProject(t.as(admin), { projectId: "alpha" });
    for (const statement of [
      "UPDATE tasks SET status = 'in_progress' WHERE task_id = 'TASK-002'",
      "INSERT INTO tasks (project_id, task_id, description, status) VALUES ('alpha', 'TASK-003', 'more', 'in_progress')",
    ])
      await expect(t.owner.query(statement)).rejects.toMatchObject({ code: "DK002", detail: "alpha" });
    await expect(t.owner.query("UPDATE projects SET paused_at = NULL, pause_reason = 'x'")).rejects.toThrow(
      "chk_paused",
    );
    await t.owner.query("UPDATE tasks SET status = 'pending' WHERE task_id = 'TASK-001'");
    await t.owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-003', 'more')");
  });
});

const idOf = (n: number) => `TASK-${String(n).padStart(3, "0")}`;
