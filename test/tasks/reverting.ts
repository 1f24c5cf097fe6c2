import { expect } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { findTasks } from "../../src/tasks/find.ts";
import { type RevertChanges, revertChanges } from "../../src/tasks/revert/revert.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

export const of = (taskId: string) => ({ projectId: "alpha", taskId });

/** A project of pending tasks, and who works on it. */
export async function start(count = 9) {
  const t = await verbTest();
  await seedTasks(t, "alpha", count);
  return {
    t,
    robot: t.as({ client: "robot" }),
    other: t.as({ client: "other" }),
    admin: t.as({ client: "desk", actor: "dk_test0009/admin", role: "admin" }),
  };
}

export const revert = (ctx: Context, input: Partial<RevertChanges> = {}) =>
  revertChanges(ctx, { projectId: "alpha", client: "robot", since: "-PT2H", ...input });

export async function complete(ctx: Context, taskId: string, completionNotes = "done"): Promise<void> {
  await updateTaskStatus(ctx, { ...of(taskId), status: "in_progress" });
  await updateTaskStatus(ctx, { ...of(taskId), status: "completed", completionNotes });
}

export const add = async (ctx: Context, ...descriptions: string[]) => {
  const { tasks: added } = await addTasks(ctx, {
    projectId: "alpha",
    tasks: descriptions.map((description) => ({ description })),
  });
  return added.map(({ taskId }) => taskId);
};

/** Tasks as they stand. */
export async function tasks({ database }: VerbTest, ...taskIds: string[]) {
  const found = await findTasks(database, taskIds.map(of));
  return found.map((task) => task ?? expect.fail("a task is gone"));
}

/** Moves all events into the log, however many there are. */
export async function drained({ owner }: VerbTest): Promise<void> {
  for (let left = 1; left > 0; ) {
    await owner.query("SELECT drain()");
    const { rows } = await owner.query<{ count: number }>("SELECT count(*)::int AS count FROM event_inbox");
    left = rows[0]?.count ?? 0;
  }
}

/** Without what is another at each moment. */
export const timeless = (answer: object) =>
  JSON.parse(JSON.stringify(answer).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+\+00:00/g, "then"));
