import { expect, it } from "vitest";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { whyIdle } from "../../src/tasks/idle.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { nextTask } from "../../src/tasks/next.ts";
import { LEASED, PENDING, WAITING } from "../../src/tasks/ready.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { anythingOf } from "../../src/tasks/wanted.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

it.each([
  ["idx_tasks_ready", PENDING],
  ["idx_tasks_waiting", WAITING],
  ["idx_tasks_lease", LEASED],
])("has in %s exactly the tasks of its condition, so that a claim can use it", async (index, condition) => {
  const { owner } = await verbTest();
  const predicate = async (name: string) => {
    const { rows } = await owner.query(
      "SELECT pg_get_expr(indpred, indrelid) AS predicate FROM pg_index WHERE indexrelid = $1::regclass",
      [name],
    );
    return rows[0]?.predicate;
  };
  await owner.query(`CREATE INDEX as_written ON tasks (project_id) WHERE ${condition.replaceAll("t.", "")}`);
  const written = await predicate("as_written");
  await owner.query("DROP INDEX as_written");
  expect(await predicate(index)).toBe(written);
});

it.each<[string, string, boolean]>([
  ["pending", "priority = 0", true],
  ["held by a lease that has expired", "status = 'in_progress', lease_expires_at = docket_now()", true],
  ["held", "status = 'in_progress'", false],
  ["completed", "status = 'completed'", false],
  ["deleted", "deleted_at = docket_now()", false],
  ["archived", "status = 'completed', archived_at = docket_now()", false],
  ["waiting for a time that has come", "ready_at = docket_now()", true],
  ["waiting for a time", "ready_at = docket_now() + interval '1 hour'", false],
  ["parked", "parked_at = docket_now()", false],
  ["a template", "is_template = true", false],
  ["waiting for another task", "open_blockers = 1", false],
  ["waiting for a child", "open_children = 1", false],
  ["a project", "kind = 'project'", false],
  ["a question to be answered", "kind = 'research'", true],
  [
    "blocked, under a lease that has expired",
    "status = 'in_progress', lease_expires_at = docket_now(), open_blockers = 1",
    false,
  ],
  [
    "a session, under a lease that has expired",
    "status = 'in_progress', lease_expires_at = docket_now(), kind = 'session'",
    false,
  ],
])("answers alike, whoever asks, whether a task is ready that is %s", async (_name, set, ready) => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  await t.owner.query(`UPDATE tasks SET ${set}`);
  const ctx = t.as();
  const ids = ready ? ["TASK-001"] : [];
  const listed = await listTasks(ctx, { filter: { ready: true } });
  const { task } = await nextTask(ctx, { projectId: "alpha", status: "pending" });
  const idle = await whyIdle(ctx, anythingOf("alpha"), null);
  expect(listed.edges.map(({ node }) => node.taskId)).toEqual(ids);
  expect(task?.taskId ?? null).toBe(ids[0] ?? null);
  expect(idle.pending).toBe(ids.length);
  expect(idle.held === 1).toBe(set === "status = 'in_progress'" || set.includes("kind = 'session'"));

  const { taken } = await claimNextTask(ctx, { projectId: "alpha" });
  expect(taken?.taskId ?? null).toBe(ids[0] ?? null);
});

it.each<[string, string, boolean]>([
  ["has expired", "lease_expires_at = docket_now()", true],
  ["has not expired", "claimed_by = 'anna'", false],
])(
  "lets a worker claim by status a task of another only when its lease has expired: it %s",
  async (_name, set, ready) => {
    const t = await verbTest();
    await seedTasks(t, "alpha", 1);
    await t.owner.query("UPDATE tasks SET status = 'in_progress'");
    await t.owner.query(`UPDATE tasks SET ${set}`);
    const claim = updateTaskStatus(t.as(), { projectId: "alpha", taskId: "TASK-001", status: "in_progress" });
    if (ready) expect(await claim).toMatchObject({ attempt: 1 });
    else await expect(claim).rejects.toMatchObject({ code: "LEASE_LOST" });
  },
);
