import { expect, it } from "vitest";
import { deleteTask } from "../../src/tasks/delete.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { revertChanges } from "../../src/tasks/revert/revert.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { add, of, revert, start, tasks } from "./reverting.ts";

it("does nothing when asked again, and is itself undone by its own session", async () => {
  const { t, robot, admin } = await start();
  await updateTask(robot, { ...of("TASK-001"), title: "new" });
  await deleteTask(robot, of("TASK-002"));
  await parkTask(robot, { ...of("TASK-003"), reason: "first" });
  const [added = ""] = await add(robot, "more");
  await revert(admin);
  const again = await revert(admin);
  expect([again.reverted, again.conflicts]).toEqual([[], []]);
  const undone = await revert(admin, { client: "desk" });
  expect(undone.conflicts).toEqual([]);
  const [first, second, third, more] = await tasks(t, "TASK-001", "TASK-002", "TASK-003", added);
  expect(first).toMatchObject({ title: "new" });
  expect(second?.deletedAt).not.toBeNull();
  expect(third).toMatchObject({ parkedReason: "first", parkedAt: expect.any(Date) });
  expect(more).toMatchObject({ deletedAt: null });
});

it("goes on with an earlier since where an earlier revert of the same left off, as itself", async () => {
  for (const author of [{ client: "robot" }, { client: null, actor: "dk_test0001/agent" }]) {
    const { t, robot, admin } = await start(3);
    await updateTask(robot, { ...of("TASK-001"), title: "first", labels: ["spoiled"] });
    await updateTask(robot, { ...of("TASK-002"), title: "first" });
    await parkTask(robot, { ...of("TASK-003"), reason: "no" });
    const added = await add(robot, "one", "two");
    await t.pass(3_600);
    for (const taskId of [...added, "TASK-001", "TASK-003"])
      await updateTask(robot, { ...of(taskId), priority: 0, title: "second" });
    await t.pass(600);
    const late = await revert(admin, { ...author, since: "-PT30M" });
    expect(late.reverted.map(({ taskId }) => taskId)).toEqual(["TASK-001", "TASK-003", ...added]);
    const marks = (await t.events()).filter(({ payload }) => payload["revertOf"]).map(({ payload }) => payload);
    expect(marks.map(({ revertOf }) => revertOf)).toEqual(
      Array(4).fill("actor" in author ? { actor: author.actor } : author),
    );
    await t.pass(60);
    const early = await revert(admin, { ...author });
    expect(early.conflicts).toEqual([]);
    expect(early.reverted.map(({ taskId }) => taskId)).toEqual(["TASK-001", "TASK-002", "TASK-003", ...added]);
    const [first, second, third, ...gone] = await tasks(t, "TASK-001", "TASK-002", "TASK-003", ...added);
    expect(first).toMatchObject({ title: null, labels: [], priority: 2 });
    expect(second).toMatchObject({ title: null });
    expect(third).toMatchObject({ title: null, parkedAt: null });
    expect(gone.every(({ deletedAt }) => deletedAt !== null)).toBe(true);
    const again = await revert(admin, { ...author });
    expect([again.reverted, again.conflicts]).toEqual([[], []]);
  }
});

it("takes a revert of another author, and what was done after one, for a change of others", async () => {
  const { t, robot, other, admin } = await start(3);
  const [added = "", touched = ""] = await add(robot, "one", "two");
  await updateTask(robot, { ...of("TASK-001"), priority: 3 });
  await t.pass(3_600);
  await updateTask(other, { ...of(added), title: "theirs" });
  await revert(admin, { client: "other" });
  await updateTask(robot, { ...of(touched), priority: 0 });
  await updateTask(robot, { ...of("TASK-001"), priority: 0 });
  await revert(admin, { since: "-PT30M" });
  await updateTask(other, { ...of(touched), title: "theirs" });
  await updateTask(other, { ...of("TASK-001"), priority: 4 });
  const { reverted, conflicts } = await revert(admin);
  expect(reverted).toEqual([]);
  expect(conflicts.map(({ message }) => message)).toEqual([
    "TASK-001 had its priority changed by others since (last by dk_test0001/agent, task.updated): it stays.",
    `${added} was changed by others since (last by dk_test0009/admin, task.updated): it is not deleted.`,
    `${touched} was changed by others since (last by dk_test0001/agent, task.updated): it is not deleted.`,
  ]);
});

it("undoes again what a revert had undone, once that revert was undone itself", async () => {
  const { t, robot, admin } = await start(1);
  await updateTask(robot, { ...of("TASK-001"), title: "new" });
  await revert(admin);
  await revert(admin, { client: "desk" });
  expect((await tasks(t, "TASK-001"))[0]).toMatchObject({ title: "new" });
  expect((await revert(admin)).conflicts).toEqual([]);
  expect((await tasks(t, "TASK-001"))[0]).toMatchObject({ title: null });
});

it("gives the first answer again to the same idempotency key", async () => {
  const { robot, admin } = await start();
  await updateTask(robot, { ...of("TASK-001"), title: "new" });
  const input = { projectId: "alpha", client: "robot", since: "-PT2H", idempotencyKey: "once" };
  const first = await revertChanges(admin, input);
  expect(await revertChanges(admin, input)).toEqual({ ...first, replayed: true });
});
