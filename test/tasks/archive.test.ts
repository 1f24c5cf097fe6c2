import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { archiveSettled } from "../../src/tasks/archive.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const DAY = 86_400;
const of = (taskId: string) => ({ projectId: "alpha", taskId });

async function complete(t: VerbTest, ...taskIds: string[]): Promise<void> {
  for (const taskId of taskIds) {
    await updateTaskStatus(t.as(), { ...of(taskId), status: "in_progress" });
    await updateTaskStatus(t.as(), { ...of(taskId), status: "completed" });
  }
}

/** Archives all that may be, a batch after the other; how many. */
async function archiveAll({ database }: VerbTest, days: number): Promise<number> {
  let all = 0;
  for (let more = 1; more > 0; all += more)
    more = await archiveSettled({ db: database, viewer: SERVER, correlationId: "archive" }, days);
  return all;
}

async function listed(t: VerbTest, filter: object): Promise<string[]> {
  const { edges } = await listTasks(t.as(), { filter: { projects: ["alpha"], ...filter }, first: 100 });
  return edges.map(({ node }) => node.taskId);
}

const archived = (t: VerbTest) => listed(t, { archived: true });

it("archives what was completed or deleted long enough ago, and takes it off the lists that do not ask for it", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 4);
  await complete(t, "TASK-001");
  await deleteTask(t.as(), of("TASK-002"));
  await t.pass(DAY);
  await complete(t, "TASK-003");
  await t.pass(364 * DAY - 1);
  expect(await archiveAll(t, 365)).toBe(0);
  await t.pass(1);
  expect(await archiveAll(t, 365)).toBe(2);
  expect(await archived(t)).toEqual(["TASK-001"]);
  expect(await listed(t, {})).toEqual(["TASK-003", "TASK-004"]);
  expect(await listed(t, { archived: false })).toEqual(["TASK-003", "TASK-004"]);
  const either = [{ archived: true }, { status: { eq: "pending" } }];
  expect(await listed(t, { or: either })).toEqual(["TASK-001", "TASK-004"]);
  const events = (await t.events()).filter(({ type }) => type === "task.archived");
  expect(events.map(({ subject_id }) => subject_id)).toEqual(["TASK-001", "TASK-002"]);
  expect(events[0]?.payload).toEqual({ changes: { archivedAt: { old: null, new: expect.any(String) } } });
  const { rows } = await t.owner.query("SELECT task_id FROM archived_work_items ORDER BY task_id");
  expect(rows).toEqual([{ task_id: "TASK-001" }, { task_id: "TASK-002" }]);
});

it("never archives what has anything below it that stays, and goes on above once that is archived", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 4);
  // 001 > 002 > 003, and 001 > 004, which stays open
  for (const [child, parentTaskId] of [
    ["TASK-002", "TASK-001"],
    ["TASK-003", "TASK-002"],
    ["TASK-004", "TASK-001"],
  ] as const)
    await updateTask(t.as(), { ...of(child), parentTaskId });
  await complete(t, "TASK-003", "TASK-002", "TASK-001");
  await t.pass(10 * DAY);
  expect(await archiveAll(t, 9)).toBe(2);
  expect(await archived(t)).toEqual(["TASK-002", "TASK-003"]);
  await complete(t, "TASK-004");
  await t.pass(10 * DAY);
  expect(await archiveAll(t, 9)).toBe(2);
  expect(await archived(t)).toHaveLength(4);
  const open =
    "UPDATE tasks SET archived_at = now(), status = 'pending', completed_at = NULL WHERE task_id = 'TASK-003'";
  await expect(t.owner.query(open)).rejects.toThrow("chk_archived_settled");
});

it("keeps the links of what is archived, refuses to change it, and brings it back as it was", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await complete(t, "TASK-001");
  await addDependency(t.as(), { ...of("TASK-002"), dependsOn: of("TASK-001") });
  await t.pass(2 * DAY);
  await archiveAll(t, 1);
  const refused = { code: "BAD_USER_INPUT", message: expect.stringContaining("Restore it first, with restoreTask.") };
  await expect(updateTask(t.as(), { ...of("TASK-001"), title: "New" })).rejects.toMatchObject(refused);
  const reset = { ...of("TASK-001"), status: "pending", reset: true } as const;
  await expect(updateTaskStatus(t.as(), reset)).rejects.toMatchObject(refused);
  await expect(restoreTask(t.as({ projectIds: ["beta"] }), of("TASK-001"))).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
  await expect(restoreTask(t.as(), of("TASK-009"))).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  await restoreTask(t.as(), of("task-001"));
  await restoreTask(t.as(), of("TASK-001"));
  expect(await listed(t, {})).toEqual(["TASK-001", "TASK-002"]);
  await updateTaskStatus(t.as(), reset);
  expect((await t.events()).map(({ type }) => type).slice(-3)).toEqual(["task.restored", "task.blocked", "task.reset"]);
});

it("brings a deleted task back: with all below it where asked, under a parent that is there, and to what waited for it", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 4);
  await updateTask(t.as(), { ...of("TASK-002"), parentTaskId: "TASK-001" });
  await updateTask(t.as(), { ...of("TASK-003"), parentTaskId: "TASK-002" });
  await addDependency(t.as(), { ...of("TASK-004"), dependsOn: of("TASK-003") });
  await deleteTask(t.as(), { ...of("TASK-001"), cascade: true });
  await expect(restoreTask(t.as(), of("TASK-003"))).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining("TASK-002, is deleted or archived itself"),
  });
  expect(await listed(t, { ready: true })).toEqual(["TASK-004"]);
  await restoreTask(t.as(), { ...of("TASK-001"), cascade: true });
  expect(await listed(t, {})).toEqual(["TASK-001", "TASK-002", "TASK-003", "TASK-004"]);
  // The others have an open child, or wait for what is back.
  expect(await listed(t, { ready: true })).toEqual(["TASK-003"]);
});

it("does not bring a task back whose artifact another one makes now", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  const make = (taskId: string) =>
    t.owner.query("UPDATE tasks SET artifact_id = 'US-001', artifact_type = 'US' WHERE task_id = $1", [taskId]);
  await make("TASK-001");
  await deleteTask(t.as(), of("TASK-001"));
  await make("TASK-002");
  await expect(restoreTask(t.as(), of("TASK-001"))).rejects.toMatchObject({
    code: "ID_TAKEN",
    message: expect.stringContaining("TASK-002 makes its artifact US-001 now"),
  });
});

it("archives each task once, whoever does it, while others complete and claim", async () => {
  const t = await verbTest();
  const tasks = await seedTasks(t, "alpha", 60);
  await complete(t, ...tasks.slice(0, 40));
  await t.pass(2 * DAY);
  await Promise.all([
    ...Array.from({ length: 8 }, () => archiveAll(t, 1)),
    ...tasks.slice(40).map((taskId) => updateTaskStatus(t.as(), { ...of(taskId), status: "in_progress" })),
  ]);
  expect(await archived(t)).toHaveLength(40);
  const told = (await t.events()).filter(({ type }) => type === "task.archived");
  expect(new Set(told.map(({ subject_id }) => subject_id)).size).toBe(40);
  expect(told).toHaveLength(40);
});
