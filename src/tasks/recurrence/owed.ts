import type { Day } from "../../schedule/recurrence/calendar.ts";
import { wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrences } from "../../schedule/recurrence/occurrences.ts";
import { PatternFault } from "../../schedule/recurrence/pattern-fault.ts";
import {
  type Occurrence,
  occurrenceOn,
  occurrencesFrom,
  type Recurrence,
} from "../../schedule/recurrence/recurrence.ts";
import { asMade, type Made, madeOf } from "./made.ts";
import { type Course, type Owed, recurrenceOf, type Template } from "./template.ts";

/** The most dates that `catchUp: ALL` makes up for. */
export const MOST_CAUGHT_UP = 100;

/** As many as may be made up for, and two more for dates that a zone never had. */
const MOST_OWED = MOST_CAUGHT_UP + 2;

interface OwedOccurrence extends Occurrence {
  /** Whether its date is over, so that `catchUp` decides. */
  readonly isOver: boolean;
}

/** The occurrences that were due before a template was changed, paused or put away, and have no instance: in order, each date once. */
export function owedOf(template: Template, now: Date): OwedOccurrence[] {
  const skipped = new Set(template.skipped);
  const found: OwedOccurrence[] = [];
  const there = [...template.made];
  for (const owed of template.owed) {
    const recurrence = readable(owed);
    const from = recurrence && fromOf(owed, recurrence, there);
    if (!recurrence || from === null) continue;
    const { rule, zone, startsOn, until } = recurrence;
    const [today, last] = [now, owed.to].map((at) => wallTimeOf(zone, at).day);
    const days = [...occurrences(rule, startsOn, Math.min(until, last ?? until), from)].filter(
      (day) => !skipped.has(day),
    );
    const made = madeOf(recurrence, there);
    for (const day of days.slice(-MOST_OWED)) {
      const occurrence = occurrenceOn(recurrence, day);
      if (!occurrence || occurrence.dueDate > owed.to || made.has(occurrence)) continue;
      found.push({ ...occurrence, isOver: day < (today ?? day) });
      made.add(asMade(occurrence));
      there.push(asMade(occurrence));
    }
  }
  return found;
}

/** The date from which on instances may be lacking; null: none is. */
export const fromOf = (course: Course, recurrence: Recurrence, made: readonly Made[]): Day | null =>
  course.settled || course.nextOn !== null ? course.nextOn : startOf(course, recurrence, made);

/** null: plain SQL wrote what nobody could read, and it was changed. */
function readable(owed: Owed): Recurrence | null {
  try {
    return recurrenceOf(owed);
  } catch (error) {
    if (error instanceof PatternFault) return null;
    throw error;
  }
}

/** The first date that was still to come when what is not settled was changed, and that has no instance. */
function startOf({ changedAt }: Course, recurrence: Recurrence, made: readonly Made[]): Day | null {
  if (made.length === 0 || changedAt === null) return recurrence.startsOn;
  const there = madeOf(recurrence, made);
  const from = Math.max(recurrence.startsOn, wallTimeOf(recurrence.zone, changedAt).day);
  const first = occurrencesFrom(recurrence, from).find((one) => one.dueDate > changedAt && !there.has(one));
  return first?.day ?? null;
}
