import type { Context } from "../../access/viewer.ts";
import type { Changes } from "../../log/write/changes.ts";
import { AFTER_ATTEMPT } from "../after-attempt.ts";
import { documentsOf } from "../change.ts";
import { changeMany, type ManyChange } from "../change-many.ts";
import { endAttempts } from "../changeable.ts";
import { DELETION } from "../delete.ts";
import { TASK } from "../fields.ts";
import { parking } from "../park.ts";
import { PAUSING, RESUMING } from "../recurrence/pause.ts";
import type { TaskKey } from "../task.ts";
import { UNPARKING } from "../unpark.ts";
import { type WayBack, wayBack } from "./changed-back.ts";
import type { Doings } from "./doings.ts";
import { isToBeBroughtBack, isToBeRemoved, whyNotBroughtBack, whyNotRemoved } from "./presence.ts";
import { conflict, type Undone } from "./undone.ts";

/** What was undone of tasks, by their IDs: by as many statements for a thousand as for one. */
export type UndoneOfTasks = ReadonlyMap<string, Undone>;

/** What was undone of tasks that were changed, and the values of those that are moved back, which depend on others. */
interface ChangedBack {
  readonly undone: UndoneOfTasks;
  readonly moves: ReadonlyMap<string, NonNullable<WayBack["values"]>>;
}

/** Gives tasks that were changed their old status, parking and values. */
export async function changedBackTogether(
  ctx: Context,
  projectId: string,
  doings: readonly Doings[],
): Promise<ChangedBack> {
  const changed = doings.filter(({ created }) => !created);
  const now = await documentsOf(
    ctx,
    projectId,
    changed.map(({ taskId }) => taskId),
  );
  const ways = changed.map((one) => ({ taskId: one.taskId, ...wayBack(now.get(one.taskId) ?? {}, one) }));
  const undone = new Map<string, Undone>(ways.map(({ taskId, conflicts }) => [taskId, { changes: {}, conflicts }]));
  const change = async (those: typeof ways, what: ManyChange) => {
    for (const [taskId, changes] of await changeAll(ctx, keysOf(projectId, those), what)) {
      const before = undone.get(taskId);
      undone.set(taskId, { changes: { ...before?.changes, ...changes }, conflicts: before?.conflicts ?? [] });
    }
  };
  await change(
    ways.filter(({ reset }) => reset),
    RESETTING,
  );
  for (const [reason, those] of Map.groupBy(ways, ({ parked }) => parked))
    if (reason !== undefined) await change(those, reason === null ? UNPARKING : parking(reason));
  for (const [paused, those] of Map.groupBy(ways, (way) => way.paused))
    if (paused !== undefined) await change(those, paused ? PAUSING : RESUMING);
  const told = ways.flatMap(({ values, ...way }) =>
    values && Object.keys(values).length > 0 ? [{ ...way, values }] : [],
  );
  const [moved, others] = [true, false].map((moves) => told.filter(({ values }) => "parentTaskId" in values === moves));
  if (others?.length) await change(others, valuesOf(others));
  return { undone, moves: new Map(moved?.map(({ taskId, values }) => [taskId, values])) };
}

/** A completed task is open again, as by a reset. */
const RESETTING: ManyChange = {
  type: "task.reset",
  fields: [...AFTER_ATTEMPT, "status", "completedAt", "completionNotes", "leaseExpiresAt", "claimedBy"],
  values: {
    ...{ failures: 0, ready_at: null, status: "pending", completed_at: null, completion_notes: null },
    ...{ lease_expires_at: null, claimed_by: null },
  },
  payload: { attempt: null, worker: null, outcome: "RESET", notes: null },
};

/** Each task has values of its own, and keeps what is given to others alone. */
function valuesOf(
  tasks: readonly { readonly taskId: string; readonly values: NonNullable<WayBack["values"]> }[],
): ManyChange {
  const fields = TASK.settable("update").filter((field) => tasks.some(({ values }) => field in values));
  const wanted = Object.fromEntries(tasks.map(({ taskId, values }) => [taskId, TASK.record(values)]));
  const own = fields.map((field) => `'${TASK.columnOf(field)}', to_jsonb(r.${TASK.columnOf(field)})`).join(", ");
  return {
    type: "task.updated",
    fields,
    values: {},
    computed: (bind) => `jsonb_build_object(${own}) || (${bind(JSON.stringify(wanted))}::jsonb -> r.task_id)`,
  };
}

const RESTORED: ManyChange = {
  type: "task.restored",
  fields: ["deletedAt", "archivedAt"],
  values: { deleted_at: null, archived_at: null },
};

/**
 * Restores those that were deleted and make no artifact, which could be another's by now; the others, and what lies below
 * them, are not among the answer.
 * @param levels by how deep they lie: a parent is back before its children.
 */
export async function broughtBackTogether(
  ctx: Context,
  projectId: string,
  levels: readonly (readonly Doings[])[],
): Promise<UndoneOfTasks> {
  const undone = new Map<string, Undone>();
  const back = new Set<string>();
  const wanted = levels.map((level) => level.filter(isToBeBroughtBack));
  const keys = wanted.flat().map(({ taskId }) => taskId);
  const now = await documentsOf(ctx, projectId, keys, ["deletedAt", "parentTaskId", "artifactId"]);
  const parents = [...now.values()].map(({ parentTaskId }) => String(parentTaskId));
  const above = await documentsOf(ctx, projectId, parents, ["deletedAt", "archivedAt"]);
  const isThere = (taskId: unknown) => {
    const task = above.get(String(taskId));
    return taskId === null || back.has(String(taskId)) || (task?.["deletedAt"] === null && task["archivedAt"] === null);
  };
  for (const level of wanted) {
    const coming = level.filter((one) => {
      const { artifactId, parentTaskId, ...task } = now.get(one.taskId) ?? {};
      const refusal = whyNotBroughtBack(task, one);
      if (refusal) undone.set(one.taskId, refusal);
      return refusal === null && artifactId === null && isThere(parentTaskId);
    });
    const changes = await changeAll(ctx, keysOf(projectId, coming), RESTORED);
    for (const [taskId, changed] of changes) {
      undone.set(taskId, { changes: changed, conflicts: [] });
      back.add(taskId);
    }
  }
  return undone;
}

const OPEN_CHILDREN = {
  name: "tasks-open-children-of",
  text: `SELECT c.parent_task_id AS parent, c.task_id AS child FROM tasks c
WHERE c.project_id = $1 AND c.parent_task_id = ANY ($2::varchar[]) AND is_open(c.status, c.deleted_at, c.is_template)
ORDER BY c.task_id`,
};

/** Deletes those that were created, or restored, unless something open stays below them. */
export async function removedTogether(
  ctx: Context,
  projectId: string,
  doings: readonly Doings[],
): Promise<UndoneOfTasks> {
  const wanted = doings.filter(isToBeRemoved);
  const now = await documentsOf(
    ctx,
    projectId,
    wanted.map(({ taskId }) => taskId),
    ["deletedAt", "archivedAt", "status", "claimedBy", "leaseExpiresAt"],
  );
  const undone = new Map<string, Undone>();
  const going = new Set<string>();
  for (const one of wanted) {
    const refusal = whyNotRemoved(now.get(one.taskId) ?? {}, one);
    if (refusal) undone.set(one.taskId, refusal);
    else going.add(one.taskId);
  }
  for (const [taskId, open] of await staying(ctx, projectId, going))
    undone.set(taskId, conflict(`has open children (${open.join(", ")}): it is not deleted.`));
  const keys = keysOf(
    projectId,
    wanted.filter(({ taskId }) => going.has(taskId)),
  );
  const changes = await changeAll(ctx, keys, DELETION);
  if (keys.length > 0) await endAttempts(ctx, keys, []);
  for (const [taskId, changed] of changes) undone.set(taskId, { changes: changed, conflicts: [] });
  return undone;
}

/** Takes those from the ones that go below which something open stays. @returns what does, by its parent. */
async function staying({ db }: Context, projectId: string, going: Set<string>): Promise<Map<string, string[]>> {
  const rows = await db.read<{ parent: string; child: string }>(OPEN_CHILDREN, [projectId, [...going]]);
  const children = Map.groupBy(rows, ({ parent }) => parent);
  const found = new Map<string, string[]>();
  // What stays keeps its parent from going, and so on up: at most as often as tasks lie below one another.
  for (let more = true; more; ) {
    more = false;
    for (const [parent, all] of children) {
      const open = all.map(({ child }) => child).filter((child) => !going.has(child));
      if (open.length === 0) continue;
      more = going.delete(parent) || more;
      found.set(parent, open);
    }
  }
  return found;
}

const keysOf = (projectId: string, tasks: readonly { readonly taskId: string }[]): TaskKey[] =>
  tasks.map(({ taskId }) => ({ projectId, taskId }));

async function changeAll(ctx: Context, keys: readonly TaskKey[], change: ManyChange): Promise<Map<string, Changes>> {
  const changed = keys.length > 0 ? await changeMany(ctx, keys, change, []) : [];
  return new Map(changed.map(({ taskId, changes }) => [taskId, changes]));
}
