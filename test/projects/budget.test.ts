import { describe, expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { createProject } from "../../src/projects/create.ts";
import { endPauses, pausesDueInMs } from "../../src/projects/end-pauses.ts";
import { updateProject } from "../../src/projects/update.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const shared = shareServer();
const admin = { role: "admin" as const };
const DAY = 86_400;

const IDLE = "idle { message retryAt reasons { reason count } }";
const UPDATE = `mutation ($input: UpdateProjectInput!) { updateProject(input: $input) {
  project { version budgetSpentUntil budget { costUsd per spentUsd periodEndsAt } } } }`;
const STATUS = "mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { task { status } } }";

/** A project with a budget of 10 dollars a day, of which two tasks are held and three wait. */
async function budgeted(t: VerbTest, costUsd = 10) {
  await seedTasks(t, "alpha", 5);
  const set = (budget: { costUsd: number; per: "day" | "month" } | null) =>
    updateProject(t.as(admin), { projectId: "alpha", budget });
  await set({ costUsd, per: "day" });
  const claim = () => claimNextTask(t.as(), { projectId: "alpha" });
  for (let i = 0; i < 2; i++) await claim();
  return {
    set,
    claim,
    spend: (amount: number, taskId = "TASK-001") =>
      renewTaskLease(t.as(), { projectId: "alpha", taskId, usage: { costUsd: amount } }),
    /** What was told of the budget: since then, and with what. */
    told: async () =>
      (await t.events())
        .filter(({ type }) => type.startsWith("project.budget"))
        .map(({ type, payload }) => [type.replace("project.budget_", ""), payload["spentUsd"]]),
  };
}

describe("a budget that is spent", () => {
  it("lets a project hand out no work, says why and until when, and lets what is held go on", async () => {
    const project = await makeProject(shared.server, ["a", "b", "c", "d"]);
    const { projectId, ask, gql } = project;
    const asAdmin = { key: shared.server.adminKey };
    const set = async (budget: object | null) =>
      (
        await shared.server.ask<{ updateProject: { project: { budget: { periodEndsAt: string } } } }>(
          UPDATE,
          { input: { projectId, budget } },
          asAdmin,
        )
      ).updateProject.project;
    const { budget } = await set({ costUsd: 0.3, per: "DAY" });
    const { periodEndsAt } = budget;
    expect(budget).toEqual({ costUsd: 0.3, per: "DAY", spentUsd: 0, periodEndsAt: expect.stringMatching(/T00:00:00/) });
    const claim = () =>
      ask<{ claimNextTask: { task: object | null; attempt: string } }>(
        `mutation { claimNextTask(input: {projectId: "${projectId}"}) { task { taskId } attempt ${IDLE} } }`,
      );
    const attempts = [(await claim()).claimNextTask.attempt, (await claim()).claimNextTask.attempt];
    const of = (i: number) => `projectId: "${projectId}", taskId: "TASK-00${i + 1}", attempt: "${attempts[i]}"`;
    // Three times 0.1 is all of 0.3 here.
    for (let i = 0; i < 3; i++)
      await ask(`mutation { renewTaskLease(input: {${of(0)}, usage: {costUsd: 0.1}}) { leaseExpiresAt } }`);

    const message = `The budget of project ${projectId} (0.3 USD per day) is spent: it hands out no work until ${periodEndsAt}, or an admin raises the budget with updateProject; what is held goes on.`;
    const reasons = [
      { reason: "BUDGET_SPENT", count: 1 },
      { reason: "HELD", count: 2 },
    ];
    const idle = { message, retryAt: periodEndsAt, reasons };
    expect((await claim()).claimNextTask).toEqual({ task: null, attempt: null, idle });
    const explained = { reason: "BUDGET_SPENT", message, until: periodEndsAt };
    expect(
      await ask(
        `{ nextTask(projectId: "${projectId}") { task { taskId } ${IDLE} } project(projectId: "${projectId}") { budgetSpentUntil budget { spentUsd } }
          pool: nextTask(projects: ["${projectId}"], labels: ["x"]) { task { taskId } idle { reasons { reason } } }
          task(projectId: "${projectId}", taskId: "TASK-003") { ready explainReady { reason message until } } }`,
      ),
    ).toMatchObject({
      nextTask: { task: null, idle },
      pool: { task: null, idle: { reasons: [{ reason: "BUDGET_SPENT" }, {}, {}] } },
      project: { budgetSpentUntil: periodEndsAt, budget: { spentUsd: 0.3 } },
      task: { ready: true, explainReady: [explained] },
    });
    const refusal = { code: "NOT_READY", reasons: [{ reason: "BUDGET_SPENT" }] };
    const status = { projectId, taskId: "TASK-003", status: "IN_PROGRESS" };
    expect((await gql(STATUS, { input: status })).errors).toMatchObject([{ extensions: refusal }]);
    const add = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";
    const items = [{ description: "new" }, { description: "taken", status: "IN_PROGRESS" }];
    expect((await gql(add, { input: { projectId, tasks: items } })).errors).toMatchObject([{ extensions: refusal }]);
    await ask(add, { input: { projectId, tasks: items.slice(0, 1) } });

    expect(
      await ask(
        `mutation { renewTaskLease(input: {${of(1)}, usage: {costUsd: 1}}) { replayed }
          updateTaskStatus(input: {${of(0)}, status: COMPLETED}) { task { status } }
          completeAndClaimNext(input: {${of(1)}}) { completed { status } task { taskId } idle { message } } }`,
      ),
    ).toEqual({
      renewTaskLease: { replayed: false },
      updateTaskStatus: { task: { status: "COMPLETED" } },
      completeAndClaimNext: { completed: { status: "COMPLETED" }, task: null, idle: { message } },
    });
    expect(await set({ costUsd: 5, per: "MONTH" })).toMatchObject({
      budgetSpentUntil: null,
      budget: { spentUsd: 1.3 },
    });
    expect((await claim()).claimNextTask.task).toEqual({ taskId: "TASK-003" });
  });

  it("is told of at 80 % and at 100 %, once in each period, and so are claims that go on", async () => {
    const t = await verbTest();
    const { spend, told, claim } = await budgeted(t);
    await spend(7.99);
    expect(await told()).toEqual([]);
    await spend(0.01);
    await spend(1.99);
    expect(await told()).toEqual([["low", 8]]);
    expect((await claim()).taken?.taskId).toBe("TASK-003");
    await spend(0.01);
    await spend(1);
    expect(await told()).toEqual([
      ["low", 8],
      ["spent", 10],
    ]);
    expect((await claim()).idle?.reasons[0]).toEqual({ reason: "budget_spent", count: 1 });

    const jobs = t.as(SERVER);
    expect(await pausesDueInMs(t.database)).toBeGreaterThan(0);
    expect(await endPauses(jobs)).toBe(false);
    await t.pass(DAY);
    // Claims look at the time themselves; the lease of the first task has run out.
    expect((await claim()).taken?.taskId).toBe("TASK-001");
    expect(await pausesDueInMs(t.database)).toBeLessThan(0);
    await Promise.all([endPauses(jobs), endPauses(jobs)]);
    expect(await endPauses(jobs)).toBe(false);
    expect(await pausesDueInMs(t.database)).toBeNull();
    expect((await told()).slice(2)).toEqual([["available", 0]]);
    await spend(20);
    expect((await told()).slice(3)).toEqual([
      ["low", 20],
      ["spent", 20],
    ]);
    const [, spent, available] = (await t.events()).filter(({ type }) => /budget_(low|spent|available)$/.test(type));
    expect(spent?.payload).toMatchObject({ costUsd: 10, per: "DAY", changes: { budgetSpentUntil: { old: null } } });
    expect(available?.payload).toMatchObject({ changes: { budgetSpentUntil: { new: null } } });
  });

  it("is over for the first usage of the next period, where no job has told it before", async () => {
    const t = await verbTest();
    const { spend, told } = await budgeted(t);
    await spend(10);
    await t.pass(DAY);
    await spend(1);
    expect((await told()).slice(2)).toEqual([["available", 1]]);
  });

  it("takes what was used in this period into account when it is set, and is told anew", async () => {
    const t = await verbTest();
    const { set, spend, told, claim } = await budgeted(t);
    await spend(4);
    await t.pass(DAY);
    await spend(5);
    await set({ costUsd: 6, per: "day" });
    await set({ costUsd: 5, per: "day" });
    // Of the month, unless it began between the two days.
    const { rows } = await t.owner.query(
      "SELECT (docket_now() AT TIME ZONE 'UTC')::date <> date_trunc('month', docket_now(), 'UTC')::date AS same",
    );
    await set({ costUsd: 100, per: "month" });
    const { rows: budgets } = await t.owner.query("SELECT spent_usd::float8 AS spent, told_low FROM project_budgets");
    expect(budgets).toEqual([{ spent: rows[0]?.same ? 9 : 5, told_low: false }]);
    expect(await told()).toEqual([
      ["low", 5],
      ["low", 5],
      ["spent", 5],
      ["available", rows[0]?.same ? 9 : 5],
    ]);
    await set({ costUsd: 1, per: "day" });
    expect((await claim()).taken).toBeNull();
    await set(null);
    expect((await told()).at(-1)).toEqual(["available", undefined]);
    expect((await claim()).taken).not.toBeNull();
    await spend(1_000);
    expect((await claim()).taken).not.toBeNull();
    const configured = (await t.events()).filter(({ type }) => type === "project.configured");
    expect(configured.map(({ payload }) => payload["changes"]).slice(-2)).toEqual([
      { budget: { old: { costUsd: 100, per: "MONTH" }, new: { costUsd: 1, per: "DAY" } } },
      { budget: { old: { costUsd: 1, per: "DAY" }, new: null } },
    ]);
  });

  it("hands out nothing more to the completion whose usage spent it, and other projects of a pool their work", async () => {
    const t = await verbTest();
    await budgeted(t);
    await seedTasks(t, "beta", 1);
    const done = { projectId: "alpha", taskId: "TASK-001", usage: { costUsd: 10 } };
    expect(await completeAndClaimNext(t.as(), done)).toMatchObject({
      taken: null,
      idle: { reasons: [{ reason: "budget_spent" }, {}] },
    });
    const next = { projects: ["alpha", "beta"] };
    expect(await completeAndClaimNext(t.as(), { ...done, taskId: "TASK-002", next })).toMatchObject({
      taken: { projectId: "beta" },
    });
  });

  it("keeps a project from claims as long as a pause does, where that is longer", async () => {
    const t = await verbTest();
    const { spend, claim } = await budgeted(t);
    await spend(10);
    await t.owner.query(
      "UPDATE projects SET paused_at = docket_now(), paused_until = docket_now() + interval '3 days'",
    );
    const { idle } = await claim();
    expect(idle?.reasons.slice(0, 2).map(({ reason }) => reason)).toEqual(["project_paused", "budget_spent"]);
    const { rows } = await t.owner.query<{ until: Date }>("SELECT paused_until AS until FROM projects");
    expect(idle?.retryAt).toEqual(rows[0]?.until);
    await t.owner.query("UPDATE projects SET paused_until = NULL");
    expect((await claim()).idle?.retryAt).toBeNull();
  });

  it("lets the next session of a worker take over what it holds, as it does in a project that is paused", async () => {
    const t = await verbTest();
    const { spend } = await budgeted(t);
    await spend(10);
    const takeOver = (taskId: string, client = "next") =>
      updateTaskStatus(t.as({ client }), { projectId: "alpha", taskId, status: "in_progress", takeOver: true });
    await t.owner.query("UPDATE task_attempts SET claimed_at = claimed_at - interval '1 hour', last_renewed_at = NULL");
    expect(await takeOver("TASK-001")).toMatchObject({ attempt: 2 });
    await t.owner.query("UPDATE projects SET paused_at = docket_now()");
    expect(await takeOver("TASK-002")).toMatchObject({ attempt: 2 });
    // What nobody holds any more would be claimed anew.
    await t.owner.query("UPDATE tasks SET lease_expires_at = docket_now() - interval '1 s' WHERE task_id = 'TASK-002'");
    await expect(takeOver("TASK-002", "last")).rejects.toMatchObject({ code: "NOT_READY" });
  });

  it("is refused by the database to plain SQL", async () => {
    const t = await verbTest();
    const { spend } = await budgeted(t);
    await spend(10);
    for (const statement of [
      "UPDATE tasks SET status = 'in_progress' WHERE task_id = 'TASK-003'",
      "INSERT INTO tasks (project_id, task_id, description, status) VALUES ('alpha', 'TASK-009', 'more', 'in_progress')",
    ])
      await expect(t.owner.query(statement)).rejects.toMatchObject({ code: "DK005", detail: "alpha" });
    await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-001'");
    for (const assignment of ["cost_usd = 0", "cost_usd = 'NaN'", "spent_usd = -1", "per = 'week'"])
      await expect(t.owner.query(`UPDATE project_budgets SET ${assignment}`)).rejects.toMatchObject({ code: "23514" });
  });
});

/** Repeats what a busy machine had no time for, of which nothing is kept. */
const patiently = <Done>(call: () => Promise<Done>): Promise<Done> =>
  call().catch((error: { code?: string }) =>
    error.code === "DATABASE_UNAVAILABLE" ? patiently(call) : Promise.reject(error),
  );

describe("a budget under load", () => {
  it("counts exactly what a hundred calls at once use, and is told once", async () => {
    const t = await verbTest();
    const tasks = await seedTasks(t, "alpha", 12);
    await updateProject(t.as(admin), { projectId: "alpha", budget: { costUsd: 1, per: "month" } });
    const claim = { projectId: "alpha", status: "in_progress" } as const;
    for (const taskId of tasks.slice(0, 10)) await updateTaskStatus(t.as(), { ...claim, taskId });
    const calls = Array.from({ length: 100 }, (_, i) =>
      patiently(() =>
        renewTaskLease(t.as(), { projectId: "alpha", taskId: tasks[i % 10] ?? "", usage: { costUsd: 0.01 } }),
      ),
    );
    await Promise.all([...calls, ...Array.from({ length: 5 }, () => claimNextTask(t.as(), { projectId: "alpha" }))]);
    const { rows } = await t.owner.query("SELECT spent_usd::text AS spent FROM project_budgets");
    expect(rows).toEqual([{ spent: "1.000000000000" }]);
    const told = (await t.events()).filter(({ type }) => type.startsWith("project.budget"));
    expect(told.map(({ type, payload }) => [type, payload["spentUsd"]])).toEqual([
      ["project.budget_low", 0.8],
      ["project.budget_spent", 1],
    ]);
    expect((await claimNextTask(t.as(), { projectId: "alpha" })).taken).toBeNull();
  });

  it("misses nothing that is used while it is set, and ends no call in a deadlock", async () => {
    const t = await verbTest();
    const tasks = await seedTasks(t, "alpha", 60);
    const claim = { projectId: "alpha", status: "in_progress" } as const;
    for (const taskId of tasks.slice(0, 30)) await updateTaskStatus(t.as(), { ...claim, taskId });
    const ends = tasks.slice(0, 30).map(async (taskId, i) => {
      const done = { projectId: "alpha", taskId, usage: { costUsd: 0.1 } };
      if (i % 3 === 0) return patiently(() => completeAndClaimNext(t.as(), { ...done, next: { projects: ["alpha"] } }));
      if (i % 3 === 1) return patiently(() => renewTaskLease(t.as(), done));
      return patiently(() => updateTaskStatus(t.as(), { ...done, status: "completed" }));
    });
    const budgets = Array.from({ length: 6 }, (_, i) =>
      patiently(() =>
        updateProject(t.as(admin), {
          projectId: "alpha",
          budget: i % 3 === 2 ? null : { costUsd: i + 1, per: "day" },
          maxInProgress: 100,
        }),
      ),
    );
    await Promise.all([...ends, ...budgets]);
    await updateProject(t.as(admin), { projectId: "alpha", budget: { costUsd: 7, per: "day" } });
    const { rows } = await t.owner.query("SELECT spent_usd::float8 AS spent FROM project_budgets");
    expect(rows).toEqual([{ spent: 3 }]);
  });
});

describe("setting a budget", () => {
  it("takes from a cent to a billion, an admin, and the version that was read", async () => {
    const t = await verbTest();
    await createProject(t.as(admin), { projectId: "alpha", name: "Alpha", budget: { costUsd: 0.01, per: "month" } });
    const set = (costUsd: number, more = {}, viewer: object = admin) =>
      updateProject(t.as(viewer), { projectId: "alpha", budget: { costUsd, per: "day" }, ...more });
    for (const costUsd of [0, 0.009, -1, 1_000_000_000.01])
      await expect(set(costUsd)).rejects.toMatchObject({
        code: "BAD_USER_INPUT",
        message: expect.stringMatching(/^budget\.costUsd is /),
      });
    await expect(set(1, {}, {})).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(set(1, { expectedVersion: 2 })).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await set(1_000_000_000, { expectedVersion: 1 });
    await set(1_000_000_000, { expectedVersion: 2 });
    await expect(set(1, {}, { ...admin, projectIds: ["beta"] })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
    const [created] = (await t.events()).filter(({ type }) => type === "project.created");
    expect(created?.payload["project"]).toMatchObject({ budget: { costUsd: 0.01, per: "MONTH" } });
  });
});
