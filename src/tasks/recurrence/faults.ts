import { DAY_MS } from "../../schedule/recurrence/calendar.ts";
import { PatternFault } from "../../schedule/recurrence/pattern-fault.ts";
import { settle } from "../../schedule/recurrence/recurrence.ts";
import { zoneFault } from "../../schedule/recurrence/zone-name.ts";

/** What may be said of when a task recurs, beside its due date. */
export const RECURRENCE_FIELDS = ["recurrencePattern", "recurrenceTimeZone", "recurrenceEndDate", "catchUp"] as const;

/** What is said of when a task recurs. */
export interface Recurring {
  recurrencePattern?: string | null;
  recurrenceTimeZone?: string | null;
  recurrenceEndDate?: Date | null;
  catchUp?: string | null;
  dueDate?: Date | null;
}

/** Fifty years of dates follow, of which each has a year of four digits. */
const TOO_LATE = Date.UTC(9_900, 0);

/** What is wrong with when a task recurs, each with the field that is; none where it does not recur. */
export function recurrenceFaults(task: Readonly<Recurring>): string[] {
  const { recurrencePattern: pattern, recurrenceTimeZone: zone, recurrenceEndDate: end, dueDate } = task;
  if (pattern == null) {
    const given = RECURRENCE_FIELDS.filter((name) => task[name] != null);
    return given.map((name) => `${name}: needs a recurrencePattern, like daily or weekly:MON,WED`);
  }
  if (dueDate == null)
    return ["dueDate: Recurrence requires a due date: the first occurrence and the time of day come from it"];
  if (dueDate.getTime() >= TOO_LATE) return ["dueDate: a recurring task is due before the year 9900 at first"];
  const wrongZone = zone == null ? undefined : zoneFault(zone);
  if (wrongZone !== undefined) return [`recurrenceTimeZone: ${wrongZone}`];
  try {
    settle({ pattern, zone: zone ?? "UTC", dueDate, endsOn: end == null ? null : end.getTime() / DAY_MS });
    return [];
  } catch (error) {
    if (error instanceof PatternFault) return [`${error.field}: ${error.message}`];
    throw error;
  }
}
