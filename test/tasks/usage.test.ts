import { describe, expect, it } from "vitest";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { usageSums } from "../../src/tasks/usage/sums.ts";
import { makeProject, shareServer } from "../support/server.ts";
import { given, seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const shared = shareServer();
const USED = { inputTokens: 1_000, outputTokens: 100, costUsd: 0.1, model: "m" };
const all = (t: VerbTest) => usageSums(t.as(), { from: "-P7D", by: [] });
const NOTHING = { inputTokens: 0, outputTokens: 0, costUsd: 0 };

/** A project of which a task is held. */
async function held(tasks = 1) {
  const t = await verbTest();
  await seedTasks(t, "alpha", tasks);
  const ctx = t.as();
  await claimNextTask(ctx, { projectId: "alpha", worker: "anna" });
  return { t, ctx, of: { projectId: "alpha", taskId: "TASK-001", attempt: await given(t, "TASK-001") } };
}

describe("what a worker used", () => {
  it("is added up for its attempt, by model, whether it renews, gives back or completes", async () => {
    const { projectId, ask } = await makeProject(shared.server, ["a", "b"]);
    const claim = () =>
      ask<{ claimNextTask: { attempt: string } }>(
        `mutation { claimNextTask(input: {projectId: "${projectId}", worker: "anna"}) { attempt } }`,
      );
    const of = async () =>
      `projectId: "${projectId}", taskId: "TASK-001", attempt: "${(await claim()).claimNextTask.attempt}"`;
    const used = (model: string) =>
      `usage: {inputTokens: 1000, outputTokens: 200, costUsd: 0.1${model && `, model: "${model}"`}}`;
    const first = await of();
    for (const model of ["big", "big", "small", ""])
      await ask(`mutation { renewTaskLease(input: {${first}, ${used(model)}}) { leaseExpiresAt } }`);
    await ask(`mutation { releaseTask(input: {${first}, checkpoint: {step: 1}, ${used("big")}}) { replayed } }`);
    const second = await of();
    await ask(`mutation { updateTaskStatus(input: {${second}, status: COMPLETED, ${used("big")}}) { replayed } }`);
    const fields = "inputTokens outputTokens costUsd";
    const times = (n: number) => ({ inputTokens: 1_000 * n, outputTokens: 200 * n, costUsd: n / 10 });
    const models = `usage(projects: ["${projectId}"], by: [MODEL]) { model ${fields} }`;
    expect(
      await ask(
        `{ ${models} task(projectId: "${projectId}", taskId: "TASK-001") { attempts { usage { ${fields} } } } }`,
      ),
    ).toEqual({
      usage: [
        { model: "big", ...times(4) },
        { model: "small", ...times(1) },
        { model: null, ...times(1) },
      ],
      task: { attempts: [{ usage: times(5) }, { usage: times(1) }] },
    });
    await claim();
    const third = `projectId: "${projectId}", taskId: "TASK-002"`;
    await ask(`mutation { completeAndClaimNext(input: {${third}, usage: {outputTokens: 5}}) { task { taskId } } }`);
    const day = new Date().toISOString().slice(0, 10);
    const { usage } = await ask<{ usage: object }>(
      `{ usage(projects: ["${projectId}"], from: "-P1D", by: [TASK, WORKER, DAY]) { projectId taskId worker model day ${fields} } }`,
    );
    const row = (taskId: string) => ({ projectId, taskId, worker: "anna", model: null, day });
    expect(usage).toEqual([
      { ...row("TASK-001"), inputTokens: 6_000, outputTokens: 1_200, costUsd: 0.6 },
      { ...row("TASK-002"), inputTokens: 0, outputTokens: 5, costUsd: 0 },
    ]);
  });

  it("is kept once, however often the call is repeated with its key, and not where the call is refused", async () => {
    const { t, ctx, of } = await held();
    const renewal = { ...of, usage: USED, idempotencyKey: "renewal" };
    for (const replayed of [false, true]) expect(await renewTaskLease(ctx, renewal)).toMatchObject({ replayed });
    expect(await all(t)).toEqual([{ inputTokens: 1_000, outputTokens: 100, costUsd: 0.1 }]);

    const other = t.as({ actor: "dk_other", client: "other" });
    const refusal = { code: "LEASE_LOST" };
    await expect(renewTaskLease(other, { ...of, attempt: null, usage: USED })).rejects.toMatchObject(refusal);
    await expect(releaseTask(other, { ...of, attempt: "1-000000000000", usage: USED })).rejects.toMatchObject(refusal);
    const end = { ...of, status: "completed", usage: USED } as const;
    await expect(updateTaskStatus(ctx, { ...end, expectedVersion: 9 })).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    expect(await all(t)).toMatchObject([{ inputTokens: 1_000 }]);
    for (const replayed of [false, true])
      expect(await updateTaskStatus(ctx, { ...end, idempotencyKey: "end" })).toMatchObject({ replayed });
    expect(await all(t)).toMatchObject([{ inputTokens: 2_000 }]);
  });

  it("is not added by a completion, or a return, that changes nothing, as it is sent again after a lost answer", async () => {
    const { t, ctx, of } = await held(2);
    const end = { ...of, status: "completed", completionNotes: "done", usage: USED } as const;
    for (const completionNotes of ["done", "done", "done well"])
      await updateTaskStatus(ctx, { ...end, completionNotes });
    expect(await all(t)).toMatchObject([{ inputTokens: 1_000 }]);
    await claimNextTask(ctx, { projectId: "alpha" });
    const back = { projectId: "alpha", taskId: "TASK-002", usage: USED };
    for (let i = 0; i < 2; i++) await releaseTask(ctx, back);
    expect(await all(t)).toMatchObject([{ inputTokens: 2_000 }]);
  });

  it("is that of no attempt, where plain SQL began the work", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    await t.owner.query("UPDATE tasks SET status = 'in_progress'");
    for (let i = 0; i < 2; i++)
      await renewTaskLease(t.as(), { projectId: "alpha", taskId: "TASK-001", usage: { costUsd: 0.000001 } });
    expect(await usageSums(t.as(), { from: "-P1D", by: ["worker"] })).toEqual([
      { worker: null, ...NOTHING, costUsd: 0.000002 },
    ]);
  });

  it("is summed up exactly by a hundred calls at once", async () => {
    const t = await verbTest();
    const tasks = await seedTasks(t, "alpha", 10);
    const claim = { projectId: "alpha", status: "in_progress" } as const;
    for (const taskId of tasks) await updateTaskStatus(t.as(), { ...claim, taskId });
    const calls = Array.from({ length: 100 }, (_, i) =>
      renewTaskLease(t.as(), { projectId: "alpha", taskId: tasks[i % 10] ?? "", usage: { ...USED, costUsd: 0.01 } }),
    );
    await Promise.all(calls);
    expect(await all(t)).toEqual([{ inputTokens: 100_000, outputTokens: 10_000, costUsd: 1 }]);
    const { rows } = await t.owner.query("SELECT count(*)::int AS rows FROM task_usage");
    expect(rows).toEqual([{ rows: 10 }]);
  });

  it.each([
    [{}, /says nothing/],
    [{ model: "m" }, /says nothing/],
    [{ inputTokens: -1 }, /usage\.inputTokens is -1; it must be from 0 to 1000000000/],
    [{ outputTokens: 1_000_000_001 }, /usage\.outputTokens/],
    [{ costUsd: -0.01 }, /usage\.costUsd is -0\.01/],
    [{ costUsd: 1_000_000.01 }, /usage\.costUsd/],
    [{ costUsd: 1, model: " " }, /usage\.model must not be empty or blank/],
    [{ costUsd: 1, model: "m".repeat(101) }, /usage\.model has 101 characters; 100 at most/],
    [{ costUsd: 1, model: "a\0b" }, /usage\.model/],
  ])("is refused where it says nothing, or what cannot be: %j", async (usage, message) => {
    const { t, ctx, of } = await held();
    const refusal = { code: "BAD_USER_INPUT", message: expect.stringMatching(message) };
    await expect(renewTaskLease(ctx, { ...of, usage })).rejects.toMatchObject(refusal);
    await expect(completeAndClaimNext(ctx, { ...of, usage })).rejects.toMatchObject(refusal);
    expect(await all(t)).toEqual([NOTHING]);
  });

  it("may be as much as that, and is refused with a claim", async () => {
    const { t, ctx, of } = await held();
    const most = { inputTokens: 1_000_000_000, outputTokens: 0, costUsd: 1_000_000, model: "m".repeat(100) };
    await renewTaskLease(ctx, { ...of, usage: most });
    await renewTaskLease(ctx, { ...of, usage: { ...most, model: null, costUsd: 1e-12 } });
    expect(await all(t)).toMatchObject([{ inputTokens: 2_000_000_000, costUsd: 1_000_000 }]);
    const claim = { ...of, status: "in_progress", usage: USED } as const;
    await expect(updateTaskStatus(ctx, claim)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it.each(["input_tokens = -1", "output_tokens = -1", "cost_usd = -1", "cost_usd = 'NaN'", "model = ''"])(
    "is refused by the database where it cannot be: %s",
    async (assignment) => {
      const { t, ctx, of } = await held();
      await renewTaskLease(ctx, { ...of, usage: USED });
      await expect(t.owner.query(`UPDATE task_usage SET ${assignment}`)).rejects.toMatchObject({ code: "23514" });
    },
  );
});

describe("usage", () => {
  const DAY = 86_400;

  /** Two projects: on the first day and the second, what two workers used of two models. */
  async function used() {
    const t = await verbTest();
    for (const project of ["alpha", "beta"]) await seedTasks(t, project, 4);
    const { rows } = await t.owner.query<{ first: string }>(
      "SELECT to_char(docket_now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS first",
    );
    const [{ first } = { first: "" }] = rows;
    const next = (day: string) => new Date(Date.parse(day) + DAY * 1_000).toISOString().slice(0, 10);
    for (const [i, worker] of ["anna", "ben", "anna", "ben"].entries()) {
      if (i === 2) await t.pass(DAY);
      for (const projectId of ["alpha", "beta"]) {
        const { taken } = await claimNextTask(t.as(), { projectId, worker });
        const usage = { costUsd: i + 1, inputTokens: projectId === "alpha" ? 1 : 0, model: i === 3 ? "b" : "a" };
        await updateTaskStatus(t.as(), { projectId, taskId: taken?.taskId ?? "", status: "completed", usage });
      }
    }
    return { t, first, second: next(first), third: next(next(first)) };
  }

  it("is summed up by all that is asked for, of the days between two instants", async () => {
    const { t, first, second, third } = await used();
    const sums = async (by: Parameters<typeof usageSums>[1]["by"], from = first, to: string | null = null) =>
      (await usageSums(t.as(), { from, to, by })).map(({ outputTokens: _, inputTokens: __, costUsd, ...of }) => [
        ...Object.values(of),
        costUsd,
      ]);
    expect(await sums([])).toEqual([[20]]);
    expect(await sums(["project"])).toEqual([
      ["alpha", 10],
      ["beta", 10],
    ]);
    expect(await sums(["worker", "model", "worker"])).toEqual([
      ["anna", "a", 8],
      ["ben", "a", 4],
      ["ben", "b", 8],
    ]);
    expect(await sums(["day"])).toEqual([
      [first, 6],
      [second, 14],
    ]);
    expect(await sums(["task", "project"], second)).toEqual([
      ["alpha", "TASK-003", 3],
      ["alpha", "TASK-004", 4],
      ["beta", "TASK-003", 3],
      ["beta", "TASK-004", 4],
    ]);
    // All of the day in which it begins, and none that begins at its end.
    expect(await sums([], `${first}T23:59:59Z`, `${second}T00:00:00Z`)).toEqual([[6]]);
    expect(await sums([], `${first}T23:59:59Z`, `${second}T00:00:00.001Z`)).toEqual([[20]]);
    expect(await sums(["day"], third)).toEqual([]);
    await expect(sums([], second, first)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
    await expect(sums([], "P1D")).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });

  it("tells of the projects that are named, or seen and not archived, and to nobody of others", async () => {
    const { t } = await used();
    const limited = t.as({ projectIds: ["beta"] });
    const asked = { from: "-P7D", by: ["project"] } as const;
    expect(await usageSums(limited, asked)).toMatchObject([{ projectId: "beta" }]);
    for (const projects of [["alpha"], ["absent"]])
      await expect(usageSums(limited, { ...asked, projects })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
    await t.owner.query("UPDATE projects SET archived_at = now() WHERE project_id = 'alpha'");
    expect(await usageSums(t.as(), asked)).toMatchObject([{ projectId: "beta" }]);
    expect(await usageSums(t.as(), { ...asked, projects: ["alpha"] })).toMatchObject([{ projectId: "alpha" }]);
  });

  it("answers 2,000 sums and refuses more, and finds those of a few days without reading the others", async () => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1_000);
    // Without triggers: what was spent of a budget is not asked for.
    await t.owner.query("SET session_replication_role = replica");
    await t.owner.query(`INSERT INTO task_usage (project_id, task_id, day, model, input_tokens, output_tokens, cost_usd)
      SELECT project_id, task_id, current_date - d, 'm', 1, 1, 1 FROM tasks, generate_series(1, 10) d`);
    await t.owner.query("ANALYZE task_usage");
    const sums = (by: Parameters<typeof usageSums>[1]["by"], from: string) => usageSums(t.as(), { from, by });
    expect(await sums(["task", "day"], "-P2D")).toHaveLength(2_000);
    await expect(sums(["task", "day"], "-P3D")).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringContaining("more than 2000 sums"),
    });
    const { rows } = await t.owner.query<{ "QUERY PLAN": string }>(
      `EXPLAIN SELECT sum(cost_usd) FROM task_usage u WHERE u.project_id = ANY ('{alpha}'::text[])
       AND u.day >= ((SELECT docket_now()) - interval '1 day')::date`,
    );
    expect(rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain("idx_task_usage_day");
  });
});
