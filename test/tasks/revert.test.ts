import { expect, it } from "vitest";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { moveInQueue } from "../../src/tasks/queue/move-in-queue.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { unparkTask } from "../../src/tasks/unpark.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { add, complete, of, revert, start, tasks, timeless } from "./reverting.ts";

it("undoes what a session did amid another's edits, and names what it leaves alone; a dry run tells the same", async () => {
  const { t, robot, other, admin } = await start();
  await updateTask(other, { ...of("TASK-001"), title: "as it was", priority: 3 });
  await deleteTask(other, of("TASK-008"));
  await t.pass(3_600);
  const [added = "", changed = ""] = await add(robot, "to be gone", "to be kept");
  await updateTask(robot, { ...of("TASK-001"), title: "spoiled", priority: 0, labels: ["spoiled"] });
  await updateTask(robot, { ...of("TASK-001"), title: "spoiled twice" });
  await deleteTask(robot, of("TASK-002"));
  await complete(robot, "TASK-003");
  await parkTask(robot, { ...of("TASK-004"), reason: "no" });
  await updateTask(robot, { ...of("TASK-005"), title: "held" });
  await updateTaskStatus(robot, { ...of("TASK-005"), status: "in_progress" });
  await updateTask(robot, { ...of("TASK-006"), parentTaskId: "TASK-007" });
  await restoreTask(robot, of("TASK-008"));
  await updateTask(other, { ...of("TASK-001"), priority: 1 });
  await updateTask(other, { ...of(changed), title: "worth it" });

  const before = await tasks(t, "TASK-001", "TASK-002", "TASK-003", added);
  const dry = await revert(admin, { dryRun: true });
  expect(await tasks(t, "TASK-001", "TASK-002", "TASK-003", added)).toEqual(before);
  const told = (await t.events()).length;
  const real = await revert(admin);
  expect(timeless({ ...dry, dryRun: false })).toEqual(timeless(real));
  const [first, second, third, gone, fourth, sixth, eighth] = await tasks(
    ...([t, "TASK-001", "TASK-002", "TASK-003", added, "TASK-004", "TASK-006", "TASK-008"] as const),
  );
  expect(first).toMatchObject({ title: "as it was", priority: 1, labels: [] });
  expect(second).toMatchObject({ deletedAt: null });
  expect(third).toMatchObject({ status: "pending", completedAt: null, completionNotes: null });
  expect(gone?.deletedAt).not.toBeNull();
  expect(fourth).toMatchObject({ parkedAt: null, parkedReason: null });
  expect(sixth).toMatchObject({ parentTaskId: null });
  expect(eighth?.deletedAt).not.toBeNull();

  expect(real.reverted.map(({ taskId, changes }) => [taskId, Object.keys(changes).sort()])).toEqual([
    ["TASK-001", ["labels", "title"]],
    ["TASK-002", ["deletedAt"]],
    ["TASK-003", ["completedAt", "completionNotes", "status"]],
    ["TASK-004", ["parkedAt", "parkedReason"]],
    ["TASK-006", ["parentTaskId"]],
    ["TASK-008", ["deletedAt"]],
    [added, ["deletedAt"]],
  ]);
  expect(real.reverted[0]?.changes["title"]).toEqual({ old: "spoiled twice", new: "as it was" });
  const by = "(last by dk_test0001/agent, task.updated)";
  expect(real.conflicts.map(({ message }) => message)).toEqual([
    `TASK-001 had its priority changed by others since ${by}: it stays.`,
    expect.stringMatching(/^TASK-005 is held by agent until /),
    `${changed} was changed by others since ${by}: it is not deleted.`,
  ]);
  const events = (await t.events()).slice(told);
  expect(events.map(({ type, subject_id }) => `${type} ${subject_id}`).sort()).toEqual(
    [
      `task.deleted ${added}`,
      "task.deleted TASK-008",
      "task.reset TASK-003",
      "task.restored TASK-002",
      "task.unparked TASK-004",
      "task.updated TASK-001",
      "task.updated TASK-006",
    ].sort(),
  );
  // An attempt and a lease are as they were.
  const { rows } = await t.owner.query("SELECT count(*)::int AS open FROM task_attempts WHERE ended_at IS NULL");
  expect(rows).toEqual([{ open: 1 }]);
});

it("gives a field the value that it had before the session's last changes in a row", async () => {
  const { t, robot, other, admin } = await start();
  await updateTask(robot, { ...of("TASK-001"), priority: 0 });
  await updateTask(other, { ...of("TASK-001"), priority: 4 });
  await updateTask(robot, { ...of("TASK-001"), priority: 3 });
  await updateTask(robot, { ...of("TASK-001"), priority: 1, metadata: { estimated_hours: 2 } });
  await updateTask(other, { ...of("TASK-001"), title: "another field" });
  const { conflicts } = await revert(admin);
  expect(conflicts).toEqual([]);
  const [task] = await tasks(t, "TASK-001");
  expect(task).toMatchObject({ priority: 4, metadata: {}, title: "another field" });
});

it("deletes what was created from the bottom up, unless something open of others lies below", async () => {
  const { t, robot, other, admin } = await start(1);
  const added = await addTasks(robot, {
    projectId: "alpha",
    tasks: [
      { key: "top", description: "top" },
      { key: "below", parentKey: "top", description: "below", dependsOn: ["TASK-001"] },
      { key: "another", description: "another" },
    ],
  });
  const [top = "", below = "", another = ""] = added.tasks.map(({ taskId }) => taskId);
  await addTasks(other, { projectId: "alpha", tasks: [{ description: "theirs", parentTaskId: another }] });
  const { reverted, conflicts } = await revert(admin);
  expect(reverted.map(({ taskId }) => taskId)).toEqual([top, below]);
  expect(conflicts.map(({ message }) => message)).toEqual([
    expect.stringMatching(new RegExp(`^${another} has open children \\(TASK-\\d+\\): it is not deleted.$`)),
  ]);
  const [first] = await tasks(t, "TASK-001");
  expect(first).toMatchObject({ deletedAt: null });
});

it("restores from the top down, and moves back what was below", async () => {
  const { t, robot, other, admin } = await start(3);
  await updateTask(other, { ...of("TASK-002"), parentTaskId: "TASK-001" });
  await updateTask(other, { ...of("TASK-003"), parentTaskId: "TASK-002" });
  await updateTask(robot, { ...of("TASK-003"), parentTaskId: null });
  await deleteTask(robot, { ...of("TASK-001"), cascade: true });
  const { conflicts } = await revert(admin);
  expect(conflicts).toEqual([]);
  expect((await tasks(t, "TASK-001", "TASK-002", "TASK-003")).map((one) => [one.deletedAt, one.parentTaskId])).toEqual([
    [null, null],
    [null, "TASK-001"],
    [null, "TASK-002"],
  ]);
});

it("leaves dependencies, resets, and completions of others as they are, and says so", async () => {
  const { t, robot, other, admin } = await start();
  await addDependency(robot, { ...of("TASK-001"), dependsOn: { taskId: "TASK-002" } });
  await complete(other, "TASK-003");
  await updateTaskStatus(robot, { ...of("TASK-003"), status: "pending", reset: true });
  await complete(robot, "TASK-004");
  await updateTaskStatus(other, { ...of("TASK-004"), status: "pending", reset: true });
  await t.pass(60);
  await complete(other, "TASK-004", "really done");
  const { reverted, conflicts } = await revert(admin);
  expect(reverted).toEqual([]);
  expect(conflicts.map(({ message }) => message)).toEqual([
    "TASK-001 had its dependencies changed: these stay as they are.",
    expect.stringMatching(/^TASK-003 was reset: it stays open/),
    expect.stringMatching(/^TASK-004 was completed by others since/),
  ]);
});

it("names what was moved in the queue, and undoes the rest of it", async () => {
  const { t, robot, other, admin } = await start(3);
  await moveInQueue(robot, { ...of("TASK-003"), first: true });
  await updateTask(robot, { ...of("TASK-003"), title: "spoiled" });
  await moveInQueue(robot, { ...of("TASK-002"), first: true });
  await moveInQueue(other, { ...of("TASK-001"), first: true });
  const [added = ""] = await add(robot, "to be gone");
  await moveInQueue(robot, { ...of(added), first: true });
  const { reverted, conflicts } = await revert(admin);
  expect(reverted.map(({ taskId }) => taskId)).toEqual(["TASK-003", added]);
  expect(conflicts.map(({ message }) => message)).toEqual([
    "TASK-002 was moved in the queue: its place is not put back. moveInQueue gives it another.",
    "TASK-003 was moved in the queue: its place is not put back. moveInQueue gives it another.",
  ]);
  expect((await tasks(t, "TASK-003"))[0]).toMatchObject({ title: null });
});

it("parks again what was unparked", async () => {
  const { t, robot, other, admin } = await start();
  await parkTask(other, { ...of("TASK-001"), reason: "wait" });
  await unparkTask(robot, of("TASK-001"));
  await revert(admin);
  expect((await tasks(t, "TASK-001"))[0]).toMatchObject({ parkedReason: "wait" });
});

it("is for admins, within their projects", async () => {
  const { t, robot } = await start();
  await updateTask(robot, { ...of("TASK-001"), title: "new" });
  for (const role of ["reader", "agent"] as const)
    await expect(revert(t.as({ role }))).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(revert(t.as({ role: "admin", projectIds: ["beta"] }))).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
  await expect(revert(t.as({ role: "admin" }), { projectId: "none" })).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
  const limited = t.as({ role: "admin", projectIds: ["alpha"] });
  expect((await revert(limited)).reverted.map(({ taskId }) => taskId)).toEqual(["TASK-001"]);
});
