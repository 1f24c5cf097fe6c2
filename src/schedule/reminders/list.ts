import type { Looking } from "../../access/visibility.ts";
import {
  all,
  type ChoiceFilter,
  type DateFilter,
  dateCondition,
  inOneCase,
  type Maybe,
  type StringFilter,
  stringCondition,
} from "../../db/comparators.ts";
import type { CountedPage } from "../../db/counted-list.ts";
import type { Db } from "../../db/database.ts";
import { ordersOf } from "../../db/order.ts";
import type { Bind } from "../../db/parameters.ts";
import { type ListArgs, listOfProjects, type OfProjects } from "../../projects/list-of-projects.ts";
import { idOfTask } from "../../tasks/find.ts";
import { keyColumns } from "../../tasks/keys.ts";
import type { ReminderStatus, TaskKey } from "../../tasks/task.ts";
import { REMINDER, type Reminder, type ReminderKey } from "./reminder.ts";

export interface ReminderFilter extends OfProjects<ReminderFilter> {
  readonly status?: Maybe<ChoiceFilter<ReminderStatus>>;
  /** The ID of the task; lower case is understood. */
  readonly task?: Maybe<StringFilter>;
  readonly triggerAt?: Maybe<DateFilter>;
  readonly createdAt?: Maybe<DateFilter>;
}

const orderOf = ordersOf(
  "reminders",
  { sql: "r.reminder_id", type: "uuid" },
  {
    triggerAt: [{ sql: "r.trigger_at", type: "timestamptz" }],
    createdAt: [{ sql: "r.created_at", type: "timestamptz" }],
  },
);
export type ReminderOrder = Parameters<typeof orderOf>[0];
export const EARLIEST_REMINDERS: ReminderOrder = { field: "triggerAt", direction: "ASC" };

const conditions = ({ status, task, triggerAt, createdAt }: ReminderFilter, bind: Bind) =>
  all([
    status && stringCondition("r.status", status, bind),
    task &&
      stringCondition(
        "r.task_id",
        inOneCase(task, (id) => id.toUpperCase()),
        bind,
      ),
    triggerAt && dateCondition("r.trigger_at", triggerAt, bind),
    createdAt && dateCondition("r.created_at", createdAt, bind, "createdAt"),
  ]);

/** Those of deleted tasks are on no list, as the tasks are not. */
const LISTED =
  "reminder_schedule r JOIN tasks t ON t.project_id = r.project_id AND t.task_id = r.task_id AND t.deleted_at IS NULL";

/** A page of the reminders of visible projects, the earliest first unless told. @throws as `listOfProjects` */
export const listReminders = (
  ctx: Looking,
  { orderBy, ...args }: ListArgs<ReminderFilter, ReminderOrder>,
): Promise<CountedPage<Reminder>> =>
  listOfProjects<Reminder, ReminderFilter>(
    ctx,
    { from: LISTED, alias: "r", columns: REMINDER.select(), own: conditions },
    args,
    orderOf(orderBy ?? EARLIEST_REMINDERS),
  );

const BY_ID = {
  name: "reminders-by-id",
  text: `SELECT ${REMINDER.select()} FROM unnest($1::text[], $2::uuid[]) AS of (project_id, reminder_id)
JOIN reminder_schedule r USING (project_id, reminder_id)`,
};

/** The reminders of these keys as they are now. */
export async function findReminders(db: Db, keys: readonly ReminderKey[]): Promise<(Reminder | null)[]> {
  const ids = [keys.map(({ projectId }) => projectId), keys.map(({ reminderId }) => reminderId)];
  const found = new Map((await db.read<Reminder>(BY_ID, ids)).map((one) => [one.reminderId, one]));
  return keys.map(({ reminderId }) => found.get(reminderId) ?? null);
}

const OF_TASKS = {
  name: "reminders-of-tasks",
  text: `SELECT r.* FROM unnest($1::text[], $2::text[]) AS of (project_id, task_id) JOIN tasks t USING (project_id, task_id)
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (r.offset_seconds) ${REMINDER.select()} FROM reminder_schedule r
  WHERE r.project_id = t.project_id AND r.task_id = t.task_id
    AND r.offset_seconds IN (SELECT reminder_seconds(o) FROM unnest(t.reminder_offsets) o)
  ORDER BY r.offset_seconds, r.status = 'pending' DESC, r.trigger_at DESC, r.status = 'cancelled', r.created_at DESC
) r ORDER BY r."triggerAt"`,
};

/** Of each task the reminders that are set, the latest of each offset, the earliest first. Whether they may be seen is the caller's to know. */
export async function remindersOf(db: Db, tasks: readonly TaskKey[]): Promise<Reminder[][]> {
  const rows = await db.read<Reminder>(OF_TASKS, keyColumns(tasks));
  const found = Map.groupBy(rows, idOfTask);
  return tasks.map((task) => found.get(idOfTask(task)) ?? []);
}
