import { expect, it } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { unparkTask } from "../../src/tasks/unpark.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { counting } from "../support/counting.ts";
import { complete, drained, of, revert, start, tasks } from "./reverting.ts";

it("takes a session or a key, what was done since then, and no more than 1,000 tasks", async () => {
  const { t, robot, other, admin } = await start(1);
  const all = (n: number) =>
    addTasks(robot, { projectId: "alpha", tasks: Array.from({ length: n }, (_, i) => ({ description: `${i}` })) });
  await all(1_000);
  await t.pass(3_600);
  await updateTask(other, { ...of("TASK-001"), title: "theirs" });
  expect((await revert(admin, { since: "-PT30M" })).reverted).toEqual([]);
  const ofKey = await revert(admin, { client: null, actor: "dk_test0001/agent", since: "-PT30M", dryRun: true });
  expect(ofKey.reverted.map(({ taskId }) => taskId)).toEqual(["TASK-001"]);
  await all(1);
  await expect(revert(admin)).rejects.toThrow("1001 tasks were changed; at most 1000 are reverted at once.");
  // The last first, then the rest: what is undone already does not count, whoever undid it.
  const itself = t.as({ client: "robot", role: "admin" });
  expect((await revert(itself, { since: "-PT30M" })).reverted).toHaveLength(1);
  await all(1);
  expect((await revert(admin, { since: "-PT30M" })).reverted).toHaveLength(1);
  expect((await revert(admin)).reverted).toHaveLength(1_000);
  const done = await revert(admin);
  expect([done.reverted, done.conflicts]).toEqual([[], []]);
  for (const wrong of [{ actor: "dk_test0001/agent" }, { client: null }])
    await expect(revert(admin, wrong)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  for (const since of ["soon", "PT2H", "2999-01-01T00:00:00Z"])
    await expect(revert(admin, { since })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
});

it("undoes 100 created tasks and 30 edits with as many statements as ten, each with its event", async () => {
  const { t, robot, other, admin } = await start(40);
  const existing = (n: number) => `TASK-${`${n}`.padStart(3, "0")}`;
  const spoil = async (ctx: Context, count: number, first: number) => {
    const plan = Array.from({ length: count }, (_, i) => ({
      key: `k${i}`,
      description: `${i}`,
      ...(i % 4 > 0 && { parentKey: `k${i - 1}` }),
      ...(i >= 4 && { dependsOn: [`k${i - 4}`] }),
    }));
    const { tasks: added } = await addTasks(ctx, { projectId: "alpha", tasks: plan });
    for (let i = 0; i < Math.min(count, 30); i++)
      await updateTask(ctx, {
        ...of(existing(first + i)),
        priority: i % 2 === 0 ? 0 : 4,
        ...(i % 3 === 0 && { labels: [`l${i}`] }),
        ...(i % 5 === 0 && {
          dueDate: new Date("2999-01-01T00:00:00.123Z"),
          metadata: { note: i },
          kind: "research",
        }),
      });
    return added.map(({ taskId }) => taskId);
  };
  const before = await tasks(t, ...Array.from({ length: 40 }, (_, i) => existing(i + 1)));
  await spoil(robot, 10, 1);
  const few: string[] = [];
  expect((await revert(counting(admin, few))).reverted).toHaveLength(20);
  const added = await spoil(other, 100, 11);
  // Its parents stay, too.
  await updateTask(robot, { ...of(added[3] ?? ""), title: "theirs" });
  const many: string[] = [];
  const { reverted, conflicts } = await revert(counting(admin, many), { client: "other" });
  expect(many).toEqual(few);
  expect(many.length).toBeLessThan(30);
  expect(conflicts.map(({ message }) => message)).toEqual([
    ...added.slice(0, 3).map((taskId, i) => `${taskId} has open children (${added[i + 1]}): it is not deleted.`),
    `${added[3]} was changed by others since (last by dk_test0001/agent, task.updated): it is not deleted.`,
  ]);
  expect(reverted).toHaveLength(30 + 96);
  const said = ({ title, description, kind, priority, labels, metadata, dueDate }: (typeof before)[number]) =>
    ({ title, description, kind, priority, labels, metadata, dueDate }) as const;
  const after = await tasks(t, ...before.map(({ taskId }) => taskId));
  expect(after.map(said)).toEqual(before.map(said));
  expect(after.map(({ version }) => version)).toEqual(before.map(({ version }) => version + 2));
  const gone = await tasks(t, ...added);
  expect(gone.filter(({ deletedAt }) => deletedAt === null).map(({ taskId }) => taskId)).toEqual(added.slice(0, 4));

  const mark = JSON.stringify({ revertOf: { client: "other" } });
  await drained(t);
  const events = (await t.events()).filter(({ payload: { revertOf } }) => JSON.stringify({ revertOf }) === mark);
  expect(
    Object.fromEntries([...Map.groupBy(events, ({ type }) => type)].map(([type, all]) => [type, all.length])),
  ).toEqual({
    "task.updated": 30,
    "task.deleted": 96,
  });
  for (const { taskId, changes } of reverted)
    expect(events.find(({ subject_id }) => subject_id === taskId)?.payload["changes"]).toEqual(changes);
  const deleted = events.find(({ type }) => type === "task.deleted");
  expect(deleted?.payload["task"]).toMatchObject({ taskId: deleted?.subject_id, deletedAt: expect.any(String) });
  const order = events.filter(({ type }) => type === "task.deleted").map(({ subject_id }) => subject_id);
  for (let i = 4; i < added.length; i++)
    if (i % 4 > 0) expect(order.indexOf(added[i] ?? "")).toBeLessThan(order.indexOf(added[i - 1] ?? ""));
});

it("restores 100 tasks with as many statements as ten, but for what lies below one that stays away", async () => {
  const { t, robot, other, admin } = await start(1);
  const plan = async (count: number) => {
    const { tasks: added } = await addTasks(other, {
      projectId: "alpha",
      tasks: Array.from({ length: count }, (_, i) => ({
        key: `k${i}`,
        description: `${i}`,
        ...(i % 2 > 0 && { parentKey: `k${i - 1}` }),
      })),
    });
    return added.map(({ taskId }) => taskId);
  };
  const destroy = async (count: number) => {
    const taskIds = await plan(count);
    for (const [i, taskId] of taskIds.entries())
      if (i % 2 === 0) await deleteTask(robot, { ...of(taskId), cascade: true });
    return taskIds;
  };
  await destroy(10);
  const few: string[] = [];
  expect((await revert(counting(admin, few))).reverted).toHaveLength(10);
  const taskIds = await destroy(100);
  const many: string[] = [];
  expect((await revert(counting(admin, many))).reverted.map(({ taskId }) => taskId)).toEqual(taskIds);
  expect(many).toEqual(few);
  const stand = await tasks(t, ...taskIds);
  expect(stand.every(({ deletedAt }) => deletedAt === null)).toBe(true);
  const { rows } = await t.owner.query(
    "SELECT task_id FROM tasks t WHERE open_children <> (SELECT count(*) FROM tasks c WHERE c.parent_task_id = t.task_id)",
  );
  expect(rows).toEqual([]);

  const [top = "", below = ""] = await plan(2);
  await deleteTask(robot, of(below));
  await deleteTask(other, of(top));
  const { reverted, conflicts } = await revert(admin);
  expect(reverted).toEqual([]);
  expect(conflicts.map(({ message }) => message)).toEqual([
    `${below} stays as it is: The parent of ${below}, ${top}, is deleted or archived itself. Restore that first.`,
  ]);
});

it("resets, parks and unparks 20 tasks of each with as many statements as one", async () => {
  const { t, robot, other, admin } = await start(63);
  const existing = (n: number) => of(`TASK-${`${n}`.padStart(3, "0")}`);
  const spoil = async (ctx: Context, count: number, first: number) => {
    for (let n = first; n < first + count; n++) {
      await complete(ctx, existing(n).taskId);
      await parkTask(ctx, { ...existing(n + count), reason: "to be decided" });
      await parkTask(admin, { ...existing(n + 2 * count), reason: "before" });
      await unparkTask(ctx, existing(n + 2 * count));
    }
  };
  await spoil(robot, 1, 1);
  const few: string[] = [];
  expect((await revert(counting(admin, few))).reverted).toHaveLength(3);
  await spoil(other, 20, 4);
  const many: string[] = [];
  const { reverted, conflicts } = await revert(counting(admin, many), { client: "other" });
  expect([reverted.length, conflicts]).toEqual([60, []]);
  expect(many).toEqual(few);
  const { rows } = await t.owner.query(
    `SELECT status, completion_notes AS notes, parked_reason AS reason, count(*)::int FROM tasks GROUP BY 1, 2, 3 ORDER BY 4`,
  );
  expect(rows).toEqual([
    { status: "pending", notes: null, reason: "before", count: 21 },
    { status: "pending", notes: null, reason: null, count: 42 },
  ]);
  const told = (await t.events()).slice(-60).map(({ type }) => type);
  expect(
    ["task.reset", "task.unparked", "task.parked"].map((type) => told.filter((one) => one === type).length),
  ).toEqual([20, 20, 20]);
});
