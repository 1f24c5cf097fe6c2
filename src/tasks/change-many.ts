import type { Context } from "../access/viewer.ts";
import { type Bind, parameters } from "../db/parameters.ts";
import type { EventType } from "../event-types.ts";
import { leaveEvents } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { NEXT_REMINDER, TASK, type TaskFields } from "./fields.ts";
import { idOfTask } from "./find.ts";
import type { JudgedTask } from "./hold.ts";
import { keyTable } from "./keys.ts";
import type { TaskKey } from "./task.ts";

/** What many tasks are to be, and the event that tells of each. */
export interface ManyChange {
  readonly type: EventType;
  readonly fields: readonly (keyof TaskFields)[];
  /** The values that are the same for all, by column. */
  readonly values: Readonly<Record<string, unknown>>;
  /** SQL: an object of the others, by column, made of `tasks r`. */
  readonly computed?: (bind: Bind) => string;
  /** What the events tell beside `changes`. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Whether the events tell the whole task. */
  readonly whole?: boolean;
}

/** A task that is another now, or would be. */
export interface ChangedKey extends TaskKey {
  readonly dueDateMoved: boolean;
  readonly changes: Changes;
}

const columnsOf = ({ fields }: ManyChange, alias: string) =>
  fields.map((field) => `${alias}.${TASK.columnOf(field)}`).join(", ");

/** SQL: common table expressions of which `wanted` has each of the tasks that would be another, with its changes. */
function wanted(tasks: readonly TaskKey[], change: ManyChange, bind: Bind): string {
  const values = `${bind(JSON.stringify(change.values))}::jsonb${change.computed ? ` || ${change.computed(bind)}` : ""}`;
  return `WITH compared AS MATERIALIZED (
  SELECT r.ctid AS row, r.project_id, r.task_id, r.queue_position, ${columnsOf(change, "n")},
    changes_between(${TASK.document("r", change.fields)}, ${TASK.document("n", change.fields)}) AS changes,
    ${TASK.document("r", NEXT_REMINDER)} AS reminder
  FROM ${keyTable(tasks, bind)} AS c (project_id, task_id) JOIN tasks r USING (project_id, task_id)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::tasks, ${values}) n
), wanted AS (
  SELECT * FROM compared WHERE changes <> '{}'
)`;
}

/**
 * SQL: further ones that write it, of which `written` has the same tasks: their rows are locked, so that none has moved. What
 * lies below is told before what lies above.
 */
function written(change: ManyChange, overrides: readonly TaskKey[], mark: Context["mark"], bind: Bind): string {
  const columns = change.fields.map((field) => TASK.columnOf(field)).join(", ");
  const changes = `(w.changes || changes_between(w.reminder, ${TASK.document("t", NEXT_REMINDER)}))`;
  const whole = change.whole ? ` || jsonb_build_object('task', ${TASK.document("t")})` : "";
  return `written AS (
  UPDATE tasks t SET version = t.version + 1, updated_at = docket_now(), (${columns}) = ROW(${columnsOf(change, "w")})
  FROM wanted w WHERE t.ctid = w.row
  RETURNING t.project_id, t.task_id, t.queue_position, t.depth, ${changes} AS changes,
    ${bind(JSON.stringify({ ...change.payload, ...mark }))}::jsonb || jsonb_build_object('changes', ${changes})${whole}
      || CASE WHEN t.project_id || '/' || t.task_id = ANY (${bind(overrides.map(idOfTask))}::text[])
        THEN '{"override": true}'::jsonb ELSE '{}' END AS payload
), told AS (
  ${leaveEvents(`SELECT ROW(-w.depth, w.project_id, w.queue_position) AS place, ${bind(change.type)}::text AS type,
    w.project_id, 'task' AS subject_type, w.task_id AS subject_id, w.payload FROM written w`)}
)`;
}

/**
 * Changes many locked tasks by one statement, each with its event; one that is so already stays as it is.
 * @param overrides those that an admin changes in the place of who holds them; null: nothing is written.
 * @returns those that are other than before, or would be, in the order of the queue of each project.
 */
export async function changeMany(
  { db, mark }: Context,
  tasks: readonly TaskKey[],
  change: ManyChange,
  overrides: readonly TaskKey[] | null,
): Promise<ChangedKey[]> {
  const { values, bind } = parameters();
  const made = wanted(tasks, change, bind);
  const [from, text] =
    overrides === null ? ["wanted", made] : ["written", `${made}, ${written(change, overrides, mark, bind)}`];
  const told = `${text} SELECT project_id AS "projectId", task_id AS "taskId", changes ? 'dueDate' AS "dueDateMoved", changes
    FROM ${from} ORDER BY project_id, queue_position`;
  return overrides === null ? db.read<ChangedKey>(told, values) : db.write<ChangedKey>(told, values);
}

/** Changes one task so that was judged. @returns what that changed. */
export async function changeOne(ctx: Context, task: JudgedTask, change: ManyChange): Promise<Changes> {
  const [changed] = await changeMany(ctx, [task], change, task.authority.override ? [task] : []);
  return changed?.changes ?? {};
}
