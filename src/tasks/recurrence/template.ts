import type { Db } from "../../db/database.ts";
import { type Day, parseIsoDate } from "../../schedule/recurrence/calendar.ts";
import { readPattern } from "../../schedule/recurrence/pattern.ts";
import { type Recurrence, requireKnownZone, settle } from "../../schedule/recurrence/recurrence.ts";
import { keyColumns } from "../keys.ts";
import type { CatchUp, TaskKey } from "../task.ts";

/** A recurring task, and how far it has come. */
export interface Template extends TaskKey {
  readonly pattern: string;
  readonly zone: string;
  readonly dueDate: Date;
  readonly endsOn: Day | null;
  readonly catchUp: CatchUp;
  readonly paused: boolean;
  /** null: what decides when it recurs was changed, and is to be settled anew. */
  readonly settled: { readonly startsOn: Day; readonly until: Day; readonly dueTime: number } | null;
  /** Since when it is to be looked at. Of one that is not settled: since it was changed, and nothing before that counts. */
  readonly nextAt: Date | null;
  /** The next date without an instance; null where none follows, or nothing is settled. */
  readonly nextOn: Day | null;
  readonly skipped: readonly Day[];
  /** The latest date that has an instance. */
  readonly lastOn: Day | null;
  /** Dates of the last days, and ahead, that have an instance, with when it is due, in milliseconds since 1970. */
  readonly taken: ReadonlyMap<Day, number | null>;
  /** How long before it is due an instance is needed, in milliseconds, as its first reminder comes then; 0: it has none. */
  readonly leadMs: number;
  /** Names this state of its row in `recurrences`. */
  readonly mark: string;
}

interface Row extends TaskKey {
  readonly pattern: string;
  readonly zone: string;
  readonly dueDate: Date;
  readonly endsOn: string | null;
  readonly catchUp: CatchUp;
  readonly paused: boolean;
  readonly startsOn: string | null;
  readonly until: string | null;
  readonly dueTime: number | null;
  readonly nextAt: Date | null;
  readonly nextOn: string | null;
  readonly skipped: readonly string[];
  readonly lastOn: string | null;
  readonly taken: readonly (readonly [day: string, dueAt: number | null])[];
  readonly leadMs: number;
  readonly mark: string;
}

/** SQL: of `recurrences r` with its template `tasks t`. */
export const TEMPLATE = `t.project_id AS "projectId", t.task_id AS "taskId", t.recurrence_pattern AS pattern,
  t.recurrence_time_zone AS zone, t.due_date AS "dueDate", t.recurrence_end_date::text AS "endsOn", t.catch_up AS "catchUp",
  t.recurrence_paused_at IS NOT NULL AS paused, r.starts_on::text AS "startsOn", r.until::text AS until,
  extract(epoch FROM r.due_time)::float8 * 1000 AS "dueTime", r.next_at AS "nextAt",
  r.next_on::text AS "nextOn", r.skipped::text[] AS skipped,
  (SELECT max(i.occurrence_date) FROM tasks i
    WHERE i.project_id = t.project_id AND i.parent_recurring_task_id = t.task_id)::text AS "lastOn",
  (SELECT coalesce(jsonb_agg(jsonb_build_array(i.occurrence_date, extract(epoch FROM i.due_date) * 1000)), '[]') FROM tasks i
    WHERE i.project_id = t.project_id AND i.parent_recurring_task_id = t.task_id
      AND i.occurrence_date >= (docket_now() - interval '2 days')::date) AS taken,
  coalesce((SELECT max(reminder_seconds(o.given)) FROM unnest(t.reminder_offsets) o (given)), 0)::float8 * 1000 AS "leadMs",
  r.xmin::text AS mark`;

export const OF_TEMPLATES = "recurrences r JOIN tasks t USING (project_id, task_id)";

const FIND = {
  name: "recurrences-find",
  text: `SELECT ${TEMPLATE} FROM ${OF_TEMPLATES}
WHERE (t.project_id, t.task_id) IN (SELECT * FROM unnest($1::varchar[], $2::varchar[])) AND t.deleted_at IS NULL`,
};

/** Those of the tasks that recur. */
export async function findTemplates(db: Db, keys: readonly TaskKey[]): Promise<Template[]> {
  return (await db.read<Row>(FIND, keyColumns(keys))).map(templateOf);
}

export function templateOf({ startsOn, until, dueTime, ...row }: Row): Template {
  const isSettled = startsOn !== null && until !== null && dueTime !== null;
  return {
    ...row,
    endsOn: day(row.endsOn),
    settled: isSettled ? { startsOn: known(startsOn), until: known(until), dueTime } : null,
    nextOn: day(row.nextOn),
    skipped: row.skipped.map(known),
    lastOn: day(row.lastOn),
    taken: new Map(row.taken.map(([date, dueAt]) => [known(date), dueAt])),
  };
}

export type TemplateRow = Row;

const day = (text: string | null) => (text === null ? null : known(text));

function known(text: string): Day {
  const found = parseIsoDate(text);
  if (found === null) throw new Error(`The database has the date ${text}`);
  return found;
}

/** When it recurs. @throws PatternFault for what plain SQL wrote wrongly */
export function recurrenceOf({ settled, ...asked }: Template): Recurrence {
  if (!settled) return settle(asked);
  requireKnownZone(asked.zone);
  return { ...settled, rule: readPattern(asked.pattern), zone: asked.zone };
}
