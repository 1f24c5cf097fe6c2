import type { Day } from "../../schedule/recurrence/calendar.ts";
import { wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrences } from "../../schedule/recurrence/occurrences.ts";
import { type Occurrence, occurrenceOn, type Recurrence } from "../../schedule/recurrence/recurrence.ts";

/** An instance as it was made. */
export interface Made {
  readonly taskId: string;
  /** The date that it was made for, in the zone of that time. */
  readonly day: Day;
  /** When it was due by the rule of that time, in milliseconds since 1970. */
  readonly occursAt: number | null;
}

/** An occurrence that is to get its instance, as if it had it. */
export const asMade = ({ day, dueDate }: Occurrence): Made => ({ taskId: "", day, occursAt: dueDate.getTime() });

/** The instances that a recurrence has, by the dates that they are of now. */
export interface MadeOf {
  has(occurrence: Occurrence): boolean;
  /** One more of them. */
  add(made: Made): void;
  find(occurrence: Occurrence): Made | undefined;
  /** The latest date before this one that has an instance. */
  lastBefore(day: Day): Day | null;
}

/**
 * An instance is of the date on which it is due: in another zone than it was made in that may be another date than its own. Where
 * the recurrence has no such occurrence now, it is of its own date.
 */
export function madeOf(recurrence: Recurrence, made: readonly Made[]): MadeOf {
  const byDay = new Map<Day, Made>();
  const byInstant = new Map<number | null, Made>();
  const add = (one: Made) => {
    byDay.set(dayOf(recurrence, one), one);
    byInstant.set(one.occursAt, one);
  };
  for (const one of made) add(one);
  const find = ({ day, dueDate }: Occurrence) => byInstant.get(dueDate.getTime()) ?? byDay.get(day);
  return {
    add,
    find,
    has: (occurrence) => find(occurrence) !== undefined,
    lastBefore: (day) => [...byDay.keys()].filter((other) => other < day).reduce(latest, null),
  };
}

const latest = (a: Day | null, b: Day) => (a === null ? b : Math.max(a, b));

function dayOf(recurrence: Recurrence, { day, occursAt }: Made): Day {
  if (occursAt === null) return day;
  const { rule, zone, startsOn, until } = recurrence;
  const now = wallTimeOf(zone, new Date(occursAt)).day;
  const isOccurrence =
    now !== day &&
    occurrences(rule, startsOn, until, now).next().value === now &&
    occurrenceOn(recurrence, now)?.dueDate.getTime() === occursAt;
  return isOccurrence ? now : day;
}
