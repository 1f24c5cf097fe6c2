import type { Db } from "../../db/database.ts";
import { badInput } from "../../errors.ts";
import { type Day, parseIsoDate } from "../../schedule/recurrence/calendar.ts";
import { readPattern } from "../../schedule/recurrence/pattern.ts";
import { PatternFault } from "../../schedule/recurrence/pattern-fault.ts";
import { type Recurrence, requireKnownZone, settle } from "../../schedule/recurrence/recurrence.ts";
import { keyColumns } from "../keys.ts";
import type { CatchUp, TaskKey } from "../task.ts";
import type { Made } from "./made.ts";

/** How a task recurs, or did, and how far it has come with that. */
export interface Course {
  readonly pattern: string;
  readonly zone: string;
  readonly dueDate: Date;
  readonly endsOn: Day | null;
  /** null: what decides when it recurs was changed, and is to be settled anew. */
  readonly settled: { readonly startsOn: Day; readonly until: Day; readonly dueTime: number } | null;
  /** The next date without an instance; null where none follows, or nothing is settled. */
  readonly nextOn: Day | null;
  /** Of one that is not settled: since when it is so. What was due before that is no part of it. */
  readonly changedAt: Date | null;
}

/** What may be owed of how a task recurred until it was changed, paused or put away. */
export interface Owed extends Course {
  readonly to: Date;
}

/** A recurring task, and how far it has come. */
export interface Template extends TaskKey, Course {
  readonly catchUp: CatchUp;
  readonly paused: boolean;
  readonly owed: readonly Owed[];
  readonly skipped: readonly Day[];
  /** The latest instance, and those of the dates that are still in question. */
  readonly made: readonly Made[];
  /** How long before it is due an instance is needed, in milliseconds, as its first reminder comes then; 0: it has none. */
  readonly leadMs: number;
  /** Names this state of its row in `recurrences`. */
  readonly mark: string;
}

/** Instants are texts where they stand in JSON. */
interface CourseRow<Instant> {
  readonly pattern: string;
  readonly zone: string;
  readonly dueDate: Instant;
  readonly endsOn: string | null;
  readonly startsOn: string | null;
  readonly until: string | null;
  readonly dueTime: number | null;
  readonly nextOn: string | null;
  readonly changedAt: Instant | null;
}

/** A template as the database has it. */
export interface TemplateRow extends TaskKey, CourseRow<Date> {
  readonly catchUp: CatchUp;
  readonly paused: boolean;
  readonly owed: readonly (CourseRow<string> & { readonly to: string })[];
  readonly skipped: readonly string[];
  readonly made: readonly (readonly [taskId: string, day: string, occursAt: number | null])[];
  readonly leadMs: number;
  readonly mark: string;
}

/** SQL: of `recurrences r` with its template `tasks t`. */
export const TEMPLATE = `t.project_id AS "projectId", t.task_id AS "taskId", t.recurrence_pattern AS pattern,
  t.recurrence_time_zone AS zone, t.due_date AS "dueDate", t.recurrence_end_date::text AS "endsOn", t.catch_up AS "catchUp",
  t.recurrence_paused_at IS NOT NULL AS paused, r.starts_on::text AS "startsOn", r.until::text AS until,
  extract(epoch FROM r.due_time)::float8 * 1000 AS "dueTime", r.next_at AS "changedAt",
  r.next_on::text AS "nextOn", r.skipped::text[] AS skipped, r.owed,
  (SELECT coalesce(jsonb_agg(jsonb_build_array(i.task_id, i.occurrence_date,
      extract(epoch FROM coalesce(i.occurs_at, i.due_date)) * 1000)), '[]') FROM tasks i
    WHERE i.project_id = t.project_id AND i.parent_recurring_task_id = t.task_id AND i.occurrence_date >= least(
      least((docket_now())::date, r.next_on, (SELECT min(coalesce(o ->> 'nextOn', left(o ->> 'changedAt', 10))::date)
        FROM jsonb_array_elements(r.owed) o)) - 2,
      (SELECT max(l.occurrence_date) FROM tasks l
        WHERE l.project_id = t.project_id AND l.parent_recurring_task_id = t.task_id))) AS made,
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
  return (await db.read<TemplateRow>(FIND, keyColumns(keys))).map(templateOf);
}

export function templateOf({ owed, skipped, made, ...row }: TemplateRow): Template {
  const { dueDate, changedAt, ...others } = row;
  return {
    ...others,
    ...courseOf(row, dueDate, changedAt),
    owed: owed.map((one) => ({
      ...courseOf(one, new Date(one.dueDate), one.changedAt === null ? null : new Date(one.changedAt)),
      to: new Date(one.to),
    })),
    skipped: skipped.map(known),
    made: made.map(([taskId, date, occursAt]) => ({ taskId, day: known(date), occursAt })),
  };
}

function courseOf(row: CourseRow<unknown>, dueDate: Date, changedAt: Date | null): Course {
  const { pattern, zone, startsOn, until, dueTime } = row;
  const isSettled = startsOn !== null && until !== null && dueTime !== null;
  return {
    pattern,
    zone,
    dueDate,
    changedAt,
    endsOn: day(row.endsOn),
    nextOn: day(row.nextOn),
    settled: isSettled ? { startsOn: known(startsOn), until: known(until), dueTime } : null,
  };
}

const day = (text: string | null) => (text === null ? null : known(text));

function known(text: string): Day {
  const found = parseIsoDate(text);
  if (found === null) throw new Error(`The database has the date ${text}`);
  return found;
}

/** When it recurs. @throws PatternFault for what plain SQL wrote wrongly */
export function recurrenceOf({ settled, ...asked }: Course): Recurrence {
  if (!settled) return settle(asked);
  requireKnownZone(asked.zone);
  return { ...settled, rule: readPattern(asked.pattern), zone: asked.zone };
}

/** The same for who asks. @throws BAD_USER_INPUT saying what is wrong, and what to do */
export function readableRecurrence(template: Template): Recurrence {
  try {
    return recurrenceOf(template);
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error;
    throw badInput(
      `${template.taskId} does not recur, as its ${error.field} cannot be read: ${error.message}. updateTask gives it another.`,
    );
  }
}
