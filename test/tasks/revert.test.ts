import { describe, expect, it } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { findTasks } from "../../src/tasks/find.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { moveInQueue } from "../../src/tasks/queue/move-in-queue.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { type RevertChanges, revertChanges } from "../../src/tasks/revert/revert.ts";
import { unparkTask } from "../../src/tasks/unpark.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { counting } from "../support/counting.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const of = (taskId: string) => ({ projectId: "alpha", taskId });

/** A project of pending tasks, and who works on it. */
async function start(count = 9) {
  const t = await verbTest();
  await seedTasks(t, "alpha", count);
  return {
    t,
    robot: t.as({ client: "robot" }),
    other: t.as({ client: "other" }),
    admin: t.as({ client: "desk", actor: "dk_test0009/admin", role: "admin" }),
  };
}

const revert = (ctx: Context, input: Partial<RevertChanges> = {}) =>
  revertChanges(ctx, { projectId: "alpha", client: "robot", since: "-PT2H", ...input });

async function complete(ctx: Context, taskId: string, completionNotes = "done"): Promise<void> {
  await updateTaskStatus(ctx, { ...of(taskId), status: "in_progress" });
  await updateTaskStatus(ctx, { ...of(taskId), status: "completed", completionNotes });
}

const add = async (ctx: Context, ...descriptions: string[]) => {
  const { tasks: added } = await addTasks(ctx, {
    projectId: "alpha",
    tasks: descriptions.map((description) => ({ description })),
  });
  return added.map(({ taskId }) => taskId);
};

/** Tasks as they stand. */
async function tasks({ database }: VerbTest, ...taskIds: string[]) {
  const found = await findTasks(database, taskIds.map(of));
  return found.map((task) => task ?? expect.fail("a task is gone"));
}

/** Moves all events into the log, however many there are. */
async function drained({ owner }: VerbTest): Promise<void> {
  for (let left = 1; left > 0; ) {
    await owner.query("SELECT drain()");
    const { rows } = await owner.query<{ count: number }>("SELECT count(*)::int AS count FROM event_inbox");
    left = rows[0]?.count ?? 0;
  }
}

/** Without what is another at each moment. */
const timeless = (answer: object) =>
  JSON.parse(JSON.stringify(answer).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+\+00:00/g, "then"));

describe("revertChanges", () => {
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
    expect(
      (await tasks(t, "TASK-001", "TASK-002", "TASK-003")).map((one) => [one.deletedAt, one.parentTaskId]),
    ).toEqual([
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
    expect((await revert(admin, { dryRun: true })).reverted).toHaveLength(1_000);
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

  it("undoes 300 created tasks and 90 edits with as many statements as ten, each with its event", async () => {
    const { t, robot, other, admin } = await start(100);
    const existing = (n: number) => `TASK-${`${n}`.padStart(3, "0")}`;
    const spoil = async (ctx: Context, count: number, first: number) => {
      const plan = Array.from({ length: count }, (_, i) => ({
        key: `k${i}`,
        description: `${i}`,
        ...(i % 4 > 0 && { parentKey: `k${i - 1}` }),
        ...(i >= 4 && { dependsOn: [`k${i - 4}`] }),
      }));
      const { tasks: added } = await addTasks(ctx, { projectId: "alpha", tasks: plan });
      for (let i = 0; i < Math.min(count, 90); i++)
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
    const before = await tasks(t, ...Array.from({ length: 100 }, (_, i) => existing(i + 1)));
    await spoil(robot, 10, 1);
    const few: string[] = [];
    expect((await revert(counting(admin, few))).reverted).toHaveLength(20);
    const added = await spoil(other, 300, 11);
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
    expect(reverted).toHaveLength(90 + 296);
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
      "task.updated": 90,
      "task.deleted": 296,
    });
    for (const { taskId, changes } of reverted)
      expect(events.find(({ subject_id }) => subject_id === taskId)?.payload["changes"]).toEqual(changes);
    const deleted = events.find(({ type }) => type === "task.deleted");
    expect(deleted?.payload["task"]).toMatchObject({ taskId: deleted?.subject_id, deletedAt: expect.any(String) });
    const order = events.filter(({ type }) => type === "task.deleted").map(({ subject_id }) => subject_id);
    for (let i = 4; i < added.length; i++)
      if (i % 4 > 0) expect(order.indexOf(added[i] ?? "")).toBeLessThan(order.indexOf(added[i - 1] ?? ""));
  });

  it("restores 300 tasks with as many statements as ten, but for what lies below one that stays away", async () => {
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
    const taskIds = await destroy(300);
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

  it("gives the first answer again to the same idempotency key", async () => {
    const { robot, admin } = await start();
    await updateTask(robot, { ...of("TASK-001"), title: "new" });
    const input = { projectId: "alpha", client: "robot", since: "-PT2H", idempotencyKey: "once" };
    const first = await revertChanges(admin, input);
    expect(await revertChanges(admin, input)).toEqual({ ...first, replayed: true });
  });
});
