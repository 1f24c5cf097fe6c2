import type { Context } from "../../access/viewer.ts";
import type { Changes } from "../../log/write/changes.ts";
import { lockAllSettling } from "../lock-settling.ts";
import type { TaskKey } from "../task.ts";
import { changedBack } from "./changed-back.ts";
import type { Doings } from "./doings.ts";
import { broughtBack, removed } from "./presence.ts";
import { conflict, refusalOf, type Undone } from "./undone.ts";

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
 * Undoes what was done to the tasks of a project. What comes back does so before something is moved below it, from the top
 * down; what goes does so last, from the bottom up, when nothing is below it any more. What lies between is undone in the
 * reverse of the order in which it was done.
 */
export async function undo(ctx: Context, projectId: string, doings: readonly Doings[]): Promise<Reverted> {
  const keys = doings.map(({ taskId }) => ({ projectId, taskId }));
  const locked = await lockAllSettling(ctx.db, keys);
  const depths = new Map(
    locked.filter((key) => key.projectId === projectId).map(({ taskId, depth }) => [taskId, depth]),
  );
  const there = doings.filter(({ taskId }) => depths.has(taskId));
  const byDepth = there.toSorted((a, b) => (depths.get(a.taskId) ?? 0) - (depths.get(b.taskId) ?? 0));
  const undone = new Map<string, Changes>();
  const conflicts: RevertConflict[] = [];
  const take = async (step: Step, tasks: readonly Doings[]) => {
    for (const one of tasks) {
      const key = { projectId, taskId: one.taskId };
      const { changes, conflicts: found } = await step(ctx, key, one).catch((error) => conflict(refusalOf(error)));
      if (Object.keys(changes).length > 0) undone.set(one.taskId, { ...undone.get(one.taskId), ...changes });
      conflicts.push(...found.map((message) => ({ ...key, message: `${one.taskId} ${message}` })));
    }
  };
  await take(broughtBack, byDepth);
  await take(changedBack, there);
  await take(removed, byDepth.toReversed());
  const inOrder = <One extends TaskKey>(all: readonly One[]) =>
    all.toSorted((a, b) => (a.taskId < b.taskId ? -1 : a.taskId > b.taskId ? 1 : 0));
  return {
    projectId,
    reverted: inOrder([...undone].map(([taskId, changes]) => ({ projectId, taskId, changes }))),
    conflicts: inOrder(conflicts),
  };
}
