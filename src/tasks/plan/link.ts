import { type Context, makerOf } from "../../access/viewer.ts";
import { append } from "../../log/write/append.ts";
import type { Dependency } from "../dependencies/dependency.ts";
import { eventsOf } from "../dependencies/ends.ts";
import type { NewTask } from "../new-task.ts";
import { areReady } from "../reasons.ts";
import type { TaskKey } from "../task.ts";

const ADD = {
  name: "dependencies-add",
  text: `INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, created_by)
SELECT given.*, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS given`,
};

/** Lets the items, which are added now, wait for what they refer to; `batch` is in the order given. */
export async function addBlockers(ctx: Context, batch: readonly (NewTask & TaskKey)[]): Promise<void> {
  const added = batch.flatMap(({ projectId, taskId, blockers }) =>
    blockers.flatMap((blocker): Dependency[] => {
      const dependsOn = "task" in blocker ? blocker.task : batch[blocker.item];
      return dependsOn ? [{ task: { projectId, taskId }, dependsOn, kind: "blocks" }] : [];
    }),
  );
  if (added.length === 0) return;
  await ctx.db.write(ADD, [
    added.map(({ task }) => task.projectId),
    added.map(({ task }) => task.taskId),
    added.map(({ dependsOn }) => dependsOn.projectId),
    added.map(({ dependsOn }) => dependsOn.taskId),
    makerOf(ctx.viewer),
  ]);
  await append(ctx, ...added.flatMap((dependency) => eventsOf("task.dependency_added", dependency)));
}

/** The task of an item's key. */
export interface AddedKey extends TaskKey {
  readonly key: string;
  /** Whether a claim could have taken it when it was added. */
  readonly ready: boolean;
}

/** The tasks by the keys of their items: first those that are ready, then the others, each in the order given. */
export async function keysOf({ db }: Context, batch: readonly (NewTask & TaskKey)[]): Promise<AddedKey[]> {
  const keyed = batch.flatMap(({ key, projectId, taskId }) => (key === null ? [] : [{ key, projectId, taskId }]));
  if (keyed.length === 0) return [];
  const ready = await areReady(db, keyed);
  const keys = keyed.map((one, i) => ({ ...one, ready: ready[i] === true }));
  return [...keys.filter((one) => one.ready), ...keys.filter((one) => !one.ready)];
}
