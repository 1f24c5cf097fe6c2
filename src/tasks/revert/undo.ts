import type { Context } from "../../access/viewer.ts";
import type { Changes } from "../../log/write/changes.ts";
import type { TaskKey } from "../task.ts";
import { movedBack } from "./changed-back.ts";
import type { Doings } from "./doings.ts";
import { broughtBack } from "./presence.ts";
import { broughtBackTogether, changedBackTogether, removedTogether, type UndoneOfTasks } from "./together.ts";
import { conflict, type Undone, whyItStays } from "./undone.ts";

export interface RevertedTask extends TaskKey {
  readonly changes: Changes;
}

export interface RevertConflict extends TaskKey {
  readonly message: string;
}

export interface Reverted {
  readonly projectId: string;
  readonly reverted: readonly RevertedTask[];
  /** Several where several things of a task stay. */
  readonly conflicts: readonly RevertConflict[];
}

/** Undoes part of what was done to a task. */
type Step = (ctx: Context, key: TaskKey, doings: Doings) => Promise<Undone>;

/**
 * Undoes what was done to the tasks of a project, those that are locked: `depths` says how deep they lie. What comes back
 * does so before something is moved below it, from the top down; what goes does so last, when nothing of others is below it.
 * What lies between is given back at once, but for parents, which depend on each other: tasks are moved in the reverse of the
 * order in which they were changed.
 */
export async function undo(
  ctx: Context,
  projectId: string,
  depths: ReadonlyMap<string, number>,
  doings: readonly Doings[],
): Promise<Reverted> {
  const there = doings.filter(({ taskId }) => depths.has(taskId));
  const byDepth = there.toSorted((a, b) => (depths.get(a.taskId) ?? 0) - (depths.get(b.taskId) ?? 0));
  const undone = new Map<string, Changes>();
  const conflicts: RevertConflict[] = [];
  const note = (taskId: string, { changes, conflicts: found }: Undone) => {
    if (Object.keys(changes).length > 0) undone.set(taskId, { ...undone.get(taskId), ...changes });
    conflicts.push(...found.map((message) => ({ projectId, taskId, message: `${taskId} ${message}` })));
  };
  const noteAll = (all: UndoneOfTasks) => {
    for (const [taskId, one] of all) note(taskId, one);
  };
  const take = async (step: Step, tasks: readonly Doings[]) => {
    for (const one of tasks) {
      const key = { projectId, taskId: one.taskId };
      note(one.taskId, await step(ctx, key, one).catch((error) => conflict(whyItStays(error))));
    }
  };
  const back = await broughtBackTogether(ctx, projectId, [
    ...Map.groupBy(byDepth, ({ taskId }) => depths.get(taskId)).values(),
  ]);
  noteAll(back);
  await take(
    broughtBack,
    byDepth.filter(({ taskId }) => !back.has(taskId)),
  );
  const changed = await changedBackTogether(ctx, projectId, there);
  noteAll(changed.undone);
  const moves = there.filter(({ taskId }) => changed.moves.has(taskId));
  await take((inside, key) => movedBack(inside, key, changed.moves.get(key.taskId) ?? {}), moves);
  noteAll(await removedTogether(ctx, projectId, there));
  const inOrder = <One extends TaskKey>(all: readonly One[]) =>
    all.toSorted((a, b) => (a.taskId < b.taskId ? -1 : a.taskId > b.taskId ? 1 : 0));
  return {
    projectId,
    reverted: inOrder([...undone].map(([taskId, changes]) => ({ projectId, taskId, changes }))),
    conflicts: inOrder(conflicts),
  };
}
