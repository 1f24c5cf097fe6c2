import type { Context } from "../access/viewer.ts";
import { parameters } from "../db/parameters.ts";
import { badInput, type ErrorCode } from "../errors.ts";
import type { ManyChange } from "./change-many.ts";
import { faultsOf } from "./field-faults.ts";
import { TASK } from "./fields.ts";
import type { TaskFilter } from "./filter.ts";
import { idOfTask } from "./find.ts";
import { opened } from "./hold.ts";
import { keyColumns, keyTable } from "./keys.ts";
import { listed } from "./list.ts";
import { NEEDS_DUE_DATE } from "./reminders.ts";
import type { TaskKey, TaskStatus } from "./task.ts";

/** How the tasks are changed. */
export interface Way {
  /** What each of them is then. */
  readonly done: "changed" | "parked" | "unparked" | "deleted";
  readonly change: ManyChange;
  /** The labels of a task that bears these. */
  readonly labels?: (labels: readonly string[]) => readonly string[];
  readonly dueDate?: Date | null;
}

/** So many tasks are changed at once. */
export const MOST_TASKS = 1_000;

/** So many of those that refuse a change are named. */
const MOST_NAMED = 10;

interface Judged extends TaskKey {
  readonly status: TaskStatus;
  readonly archivedAt: Date | null;
  readonly leaseExpiresAt: Date | null;
  readonly labels: readonly string[];
  readonly reminds: boolean;
  readonly isTemplate: boolean;
  /** Of the attempt that holds it; null: none does. */
  readonly actor: string | null;
  readonly client: string | null;
  readonly worker: string | null;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Those of some tasks that the filter still finds now that they are locked, and of these the ones that an admin changes in
 * the place of who holds them: each may be changed so, as by the verb of one task.
 * @throws BAD_USER_INPUT naming those that may not.
 */
export async function requireChangeable(
  ctx: Context,
  way: Way,
  filter: TaskFilter,
  keys: readonly TaskKey[],
): Promise<{ readonly tasks: readonly TaskKey[]; readonly overrides: readonly TaskKey[] }> {
  const tasks = await judged(ctx, filter, keys);
  const above = way.done === "deleted" ? await openChildrenOf(ctx, tasks) : new Map<string, string>();
  const refused = tasks.flatMap((task) => {
    const refusal = refusalOf(ctx, way, task, above.get(idOfTask(task)));
    return refusal ? [{ projectId: task.projectId, taskId: task.taskId, ...refusal }] : [];
  });
  if (refused.length > 0) throw refusedBy(way, refused, tasks.length);
  const overrides = way.done === "deleted" ? tasks.filter((task) => isForeign(ctx, task)) : [];
  return { tasks, overrides };
}

async function judged({ db, viewer }: Context, filter: TaskFilter, keys: readonly TaskKey[]): Promise<Judged[]> {
  const { values, bind } = parameters();
  return db.read<Judged>(
    `SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.status, t.archived_at AS "archivedAt",
       t.lease_expires_at AS "leaseExpiresAt", t.labels, t.reminder_offsets <> '{}' AS reminds,
       t.is_template AS "isTemplate", a.actor, a.client, a.worker
     FROM tasks t LEFT JOIN task_attempts a ON a.project_id = t.project_id AND a.task_id = t.task_id AND a.ended_at IS NULL
     WHERE (t.project_id, t.task_id) IN (SELECT * FROM ${keyTable(keys, bind)}) AND ${listed(viewer, filter, bind)}
     ORDER BY t.project_id, t.queue_position`,
    values,
  );
}

/** Open children that would stay behind. */
const CHILDREN = {
  name: "tasks-open-children-beside",
  text: `WITH chosen AS MATERIALIZED (SELECT * FROM unnest($1::varchar[], $2::varchar[]) AS c (project_id, task_id))
SELECT c.project_id AS "projectId", c.parent_task_id AS "taskId", min(c.task_id) AS child, count(*)::int AS count
FROM chosen p JOIN tasks c ON c.project_id = p.project_id AND c.parent_task_id = p.task_id
WHERE is_open(c.status, c.deleted_at, c.is_template)
  AND NOT EXISTS (SELECT FROM chosen x WHERE x.project_id = c.project_id AND x.task_id = c.task_id)
GROUP BY c.project_id, c.parent_task_id`,
};

async function openChildrenOf({ db }: Context, tasks: readonly TaskKey[]): Promise<Map<string, string>> {
  const rows = await db.read<TaskKey & { readonly child: string; readonly count: number }>(CHILDREN, keyColumns(tasks));
  return new Map(
    rows.map(({ child, count, ...parent }) => [
      idOfTask(parent),
      count === 1 ? child : `${child} and ${count - 1} more`,
    ]),
  );
}

function refusalOf(ctx: Context, way: Way, task: Judged, openChildren: string | undefined): Refusal | undefined {
  const refusal = (message: string, code: ErrorCode = "BAD_USER_INPUT") => ({ code, message });
  if (task.archivedAt) return refusal("it was archived: restore it first, with restoreTask");
  if (task.isTemplate && (way.done === "parked" || way.done === "unparked"))
    return refusal("it is the template of a recurring task, on which nobody works: pauseRecurrence stops it");
  if (way.done === "parked" && task.status === "completed")
    return refusal("it is completed, and only open tasks are parked");
  if (way.dueDate === null && task.reminds) return refusal(NEEDS_DUE_DATE);
  const { error } = TASK.check("update", way.labels ? { labels: way.labels(task.labels) } : {});
  if (error) return refusal(faultsOf(error).join("; "));
  if (way.done !== "deleted") return undefined;
  if (isForeign(ctx, task) && ctx.viewer.role !== "admin")
    return refusal(
      `${task.worker ?? "another worker"} holds it until ${task.leaseExpiresAt?.toISOString()}`,
      "LEASE_LOST",
    );
  return openChildren === undefined
    ? undefined
    : refusal(`it has open children that the filter does not find: ${openChildren}`);
}

/** Whether another session holds it. */
const isForeign = (ctx: Context, { actor, client }: Judged): boolean =>
  actor !== null && !opened(ctx, { actor, client });

function refusedBy({ done }: Way, refused: readonly (TaskKey & Refusal)[], count: number) {
  const named = refused.slice(0, MOST_NAMED);
  const more = refused.length - named.length;
  const list = named.map(({ projectId, taskId, message }) => `${projectId}/${taskId}: ${message}`).join("; ");
  return badInput(
    `Nothing was changed, as ${refused.length} of ${count} tasks cannot be ${done}: ${list}${more > 0 ? `; and ${more} more` : ""}. Let the filter leave them out.`,
    { refused: named, refusedCount: refused.length },
  );
}

const END = {
  name: "attempts-end-deleted",
  text: `UPDATE task_attempts a SET ended_at = docket_now(), outcome = 'cancelled',
  ended_by = CASE WHEN a.actor <> $3 OR a.project_id || '/' || a.task_id = ANY ($4::text[]) THEN $3 END
FROM unnest($1::varchar[], $2::varchar[]) AS c (project_id, task_id)
WHERE a.project_id = c.project_id AND a.task_id = c.task_id AND a.ended_at IS NULL`,
};

/** Ends the open attempts of tasks that were deleted. */
export async function endAttempts(
  { db, viewer }: Context,
  tasks: readonly TaskKey[],
  overrides: readonly TaskKey[],
): Promise<void> {
  await db.write(END, [...keyColumns(tasks), viewer.actor, overrides.map(idOfTask)]);
}
