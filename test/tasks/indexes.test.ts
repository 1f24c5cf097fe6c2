import { expect, it } from "vitest";
import { DUE, EXPIRE } from "../../src/tasks/expire-leases.ts";
import { failedAttempts } from "../../src/tasks/failed.ts";
import { TELL_STALLED } from "../../src/tasks/stalled.ts";
import { TAKE_NEXT, takeNextParameters } from "../../src/tasks/take-ready.ts";
import { WAKE, WAKE_DUE } from "../../src/tasks/wake.ts";
import { anythingOf } from "../../src/tasks/wanted.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

interface PlanNode {
  readonly "Node Type": string;
  readonly "Index Name"?: string;
  readonly "Relation Name"?: string;
  readonly "Subplan Name"?: string;
  /** What was read, where it was carried out. */
  readonly "Actual Loops"?: number;
  readonly "Actual Rows"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

async function thousandTasks(): Promise<VerbTest> {
  const t = await verbTest();
  for (const project of ["alpha", "beta", "gamma", "delta", "epsilon"]) await seedTasks(t, project, 200);
  await t.owner.query(`UPDATE tasks SET priority = queue_position / 1000000 % 5,
    status = CASE WHEN queue_position / 1000000 % 10 < 5 THEN 'completed' WHEN queue_position / 1000000 % 10 < 6 THEN 'in_progress' ELSE 'pending' END`);
  await t.owner.query("ANALYZE tasks");
  return t;
}

async function explain(t: VerbTest, statement: string, values: readonly unknown[]): Promise<PlanNode> {
  const { rows } = await t.owner.query(`EXPLAIN (FORMAT JSON) ${statement}`, [...values]);
  return rows[0]["QUERY PLAN"][0].Plan;
}

it("answers a filter by project and status from idx_tasks_project_status, at 1,000 tasks", async () => {
  const t = await thousandTasks();
  for (const status of ["pending", "in_progress"]) {
    const plan = await explain(t, "SELECT * FROM tasks WHERE project_id = $1 AND status = $2", ["alpha", status]);
    expect(nodes(plan).map((node) => node["Index Name"])).toContain("idx_tasks_project_status");
  }
});

it("finds the pending task of a claim in index order, without a sort, at 1,000 tasks", async () => {
  const t = await thousandTasks();
  const plan = await explain(
    t,
    TAKE_NEXT.text,
    takeNextParameters("alpha", [
      { worker: "w", leaseSeconds: null, wanted: anythingOf("alpha"), by: t.as(), kept: null },
    ]),
  );
  const pending = nodes(plan).find((node) => node["Subplan Name"] === "CTE pending");
  expect(pending).toBeDefined();
  if (!pending) return;
  // The outer limit counts the claims.
  const scan = nodes(pending).find((node) => node["Node Type"] === "Subquery Scan");
  expect(scan && nodes(scan).map((node) => node["Node Type"])).toEqual([
    ...["Subquery Scan", "Limit", "LockRows", "Index Scan"],
  ]);
  expect(nodes(pending).at(-1)?.["Index Name"]).toBe("idx_tasks_ready");
  const expired = nodes(plan).find((node) => node["Subplan Name"] === "CTE expired");
  expect(expired && nodes(expired).map((node) => node["Index Name"])).toContain("idx_tasks_lease");
});

it("reads nothing of what others hold for a claim, though it was planned while nobody held anything", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1_000);
  await t.owner.query("ANALYZE tasks, task_attempts");
  await t.owner.query("BEGIN; SET LOCAL plan_cache_mode = force_generic_plan");
  await t.owner.query(`PREPARE take AS ${TAKE_NEXT.text}`);
  const claim = async (): Promise<PlanNode> => {
    const { rows } = await t.owner.query(
      "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE take ('alpha', '{w}', '{900}', '{a}', '{c}', '{r}', '{NULL}', '{NULL}', '{}')",
    );
    return rows[0]["QUERY PLAN"][0].Plan;
  };
  await claim();
  await t.owner.query("UPDATE tasks SET status = 'in_progress' WHERE status = 'pending' AND task_id <> 'TASK-999'");
  await t.owner.query(`INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, lease_expires_at)
    SELECT project_id, task_id, 2, 'w', 'a', lease_expires_at FROM tasks WHERE status = 'in_progress' AND attempts = 0`);
  const plan = await claim();
  await t.owner.query("ROLLBACK; DEALLOCATE take");
  const read = (name: string) => {
    const part = nodes(plan).find((node) => node["Subplan Name"] === `CTE ${name}`);
    const scans = part ? nodes(part).filter((node) => /^task/.test(node["Relation Name"] ?? "")) : [];
    return scans.map(
      ({ "Actual Loops": loops = 0, "Actual Rows": rows = 0, "Rows Removed by Filter": more = 0 }) =>
        loops * (rows + more),
    );
  };
  expect(read("expired")).toEqual([0]);
  // The task was never claimed before, and so nobody looks for an open attempt of it.
  expect(read("ended")).toEqual([0, 0]);
});

it("finds the leases and the waits that end next, and those that ended, without reading what is neither, of 1,000 tasks", async () => {
  const t = await thousandTasks();
  for (const [{ text }, values] of [
    [DUE, []],
    [EXPIRE, ["server", null, "leases"]],
    [TELL_STALLED, ["server", null, "leases"]],
    [WAKE_DUE, []],
    [WAKE, ["server", null, "leases"]],
  ] as const) {
    const scans = nodes(await explain(t, text, values)).filter((node) => node["Relation Name"] === "tasks");
    expect(scans.map((node) => node["Node Type"])).not.toContain("Seq Scan");
  }
});

it("counts the attempts that failed from an index of these alone", async () => {
  const t = await thousandTasks();
  await t.owner.query(`INSERT INTO task_attempts
      (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome)
    SELECT project_id, task_id, n, 'x', now(), now(), now(), CASE n % 5 WHEN 1 THEN 'expired' ELSE 'released' END
    FROM tasks, generate_series(1, 10) n WHERE project_id = 'alpha'`);
  await t.owner.query("ANALYZE task_attempts");
  const count = failedAttempts("t");
  const plan = await explain(
    t,
    `SELECT t.task_id FROM tasks t WHERE ${count} > 0 ORDER BY ${count} DESC, t.queue_position DESC LIMIT 11`,
    [],
  );
  const scans = nodes(plan).filter((node) => node["Relation Name"] === "task_attempts");
  expect(new Set(scans.map((node) => node["Index Name"]))).toEqual(new Set(["idx_attempts_failed"]));
});
