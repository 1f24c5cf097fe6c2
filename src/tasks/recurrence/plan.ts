import type { Day } from "../../schedule/recurrence/calendar.ts";
import { instantOf, wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrences } from "../../schedule/recurrence/occurrences.ts";
import {
  type Occurrence,
  occurrenceOn,
  occurrencesFrom,
  type Recurrence,
} from "../../schedule/recurrence/recurrence.ts";
import { asMade, type MadeOf, madeOf } from "./made.ts";
import { fromOf, MOST_CAUGHT_UP, owedOf } from "./owed.ts";
import { recurrenceOf, type Template } from "./template.ts";

/** An occurrence that gets its instance. */
interface Making extends Occurrence {
  /** Its date has an instance already that was made in another zone, where it is due on another date than here. */
  readonly repeatsDate: boolean;
}

/** What is to be made of a template now, and how it stands then. */
export interface Plan {
  readonly template: Template;
  readonly recurrence: Recurrence;
  /** The first date that may be to be made, now or later; null: none. What cannot be made now goes on from there. */
  readonly from: Day | null;
  readonly made: readonly Making[];
  /** The next date, and when its instance is made; null: none follows. */
  readonly next: { readonly day: Day; readonly at: Date } | null;
  /** Dates that are skipped and lie ahead. */
  readonly skipped: readonly Day[];
}

/**
 * Reckons which instances a template lacks at an instant. An instance is made at the first instant of its date, or earlier
 * where its first reminder comes before that; but at most one lies ahead, so that none is made before the date of the one
 * before it has begun. Of a template without any instance the first is made at once, however far ahead. Dates that passed while
 * nobody looked follow `catchUp`, those, too, of how it recurred before it was changed. What was changed goes on with what was
 * due from then on.
 * @throws PatternFault for what plain SQL wrote wrongly
 */
export function planned(template: Template, now: Date): Plan {
  const recurrence = recurrenceOf(template);
  const { zone } = recurrence;
  const today = wallTimeOf(zone, now).day;
  const skipped = new Set(template.skipped);
  const made: Occurrence[] = [];
  const there = madeOf(recurrence, template.made);
  const make = (occurrence: Occurrence) => {
    made.push(occurrence);
    there.add(asMade(occurrence));
  };

  const missed: Occurrence[] = [];
  for (const { isOver, ...occurrence } of owedOf(template, now)) {
    if (!isOver) make(occurrence);
    else {
      missed.push(occurrence);
      there.add(asMade(occurrence));
    }
  }
  const begin = fromOf(template, recurrence, template.made);
  let from = begin;
  if (from !== null && template.made.length === 0 && !template.settled) {
    const first = occurrencesFrom(recurrence, from).find((one) => !skipped.has(one.day) && !there.has(one));
    if (first) make(first);
    from = first ? first.day + 1 : null;
  }

  const passed: Day[] = [];
  let next: Plan["next"] = null;
  const days = from === null ? [] : occurrences(recurrence.rule, recurrence.startsOn, recurrence.until, from);
  for (const day of days) {
    if (skipped.has(day)) continue;
    if (day < today) {
      passed.push(day);
      continue;
    }
    const occurrence = occurrenceOn(recurrence, day);
    if (!occurrence || there.has(occurrence)) continue;
    const before = there.lastBefore(day);
    const at = timeOf(occurrence, template.leadMs, before === null ? null : instantOf(zone, { day: before, time: 0 }));
    if (at > now) {
      next = { day, at };
      break;
    }
    make(occurrence);
  }
  missed.push(...latestOf(recurrence, passed, there));
  const all = [...caughtUp(template, missed, made, today), ...made];
  return {
    template,
    recurrence,
    from: begin,
    made: withRepeats(template, all),
    next,
    skipped: template.skipped.filter((day) => day >= today),
  };
}

/** Those of the dates that passed that may be made up for. */
function latestOf(recurrence: Recurrence, passed: readonly Day[], there: MadeOf): Occurrence[] {
  const found: Occurrence[] = [];
  for (const day of passed.toReversed()) {
    const occurrence = occurrenceOn(recurrence, day);
    if (occurrence && !there.has(occurrence)) found.unshift(occurrence);
    if (found.length === MOST_CAUGHT_UP) break;
  }
  return found;
}

/** With whether the date of each is another instance's, too. */
function withRepeats(template: Template, all: readonly Occurrence[]): Making[] {
  const days = new Set(template.made.map(({ day }) => day));
  return all.map((occurrence) => {
    const repeatsDate = days.has(occurrence.day);
    days.add(occurrence.day);
    return { ...occurrence, repeatsDate };
  });
}

function timeOf({ opensAt, dueDate }: Occurrence, leadMs: number, before: Date | null): Date {
  const needed = Math.min(opensAt.getTime(), dueDate.getTime() - leadMs);
  return new Date(Math.max(needed, before?.getTime() ?? Number.NEGATIVE_INFINITY));
}

/** What is made up for of what was missed. */
function caughtUp(
  { catchUp }: Template,
  missed: readonly Occurrence[],
  made: readonly Occurrence[],
  today: Day,
): readonly Occurrence[] {
  const hasToday = made.some(({ day }) => day === today);
  if (catchUp === "none" || (catchUp === "one" && hasToday)) return [];
  return missed.slice(catchUp === "one" ? -1 : -MOST_CAUGHT_UP);
}
