import type { Day } from "../../schedule/recurrence/calendar.ts";
import { instantOf, wallTimeOf } from "../../schedule/recurrence/instant.ts";
import { occurrences } from "../../schedule/recurrence/occurrences.ts";
import {
  type Occurrence,
  occurrenceOn,
  occurrencesFrom,
  type Recurrence,
} from "../../schedule/recurrence/recurrence.ts";
import { recurrenceOf, type Template } from "./template.ts";

/** The most dates that `catchUp: ALL` makes up for. */
const MOST_CAUGHT_UP = 100;

/** What is to be made of a template now, and how it stands then. */
export interface Plan {
  readonly template: Template;
  readonly recurrence: Recurrence;
  readonly made: readonly Occurrence[];
  /** The next date, and when its instance is made; null: none follows. */
  readonly next: { readonly day: Day; readonly at: Date } | null;
  /** Dates that are skipped and lie ahead. */
  readonly skipped: readonly Day[];
}

/**
 * Reckons which instances a template lacks at an instant. An instance is made at the first instant of its date, or earlier
 * where its first reminder comes before that; but at most one lies ahead, so that none is made before the date of the one
 * before it has begun. Of a template without any instance the first is made at once, however far ahead. Dates that passed while
 * nobody looked follow `catchUp`. What was changed goes on with what was due from then on.
 * @throws PatternFault for what plain SQL wrote wrongly
 */
export function planned(template: Template, now: Date): Plan {
  const recurrence = recurrenceOf(template);
  const { zone } = recurrence;
  const today = wallTimeOf(zone, now).day;
  const skipped = new Set(template.skipped);
  const made: Occurrence[] = [];
  const taken = new Set(template.taken.keys());
  if (template.lastOn !== null) taken.add(template.lastOn);
  let from =
    template.settled || template.nextOn !== null
      ? template.nextOn
      : startOf(template, recurrence, template.nextAt ?? now);
  if (from !== null && taken.size === 0 && !template.settled) {
    const first = occurrencesFrom(recurrence, from).find(({ day }) => !skipped.has(day));
    if (first) made.push(first);
    if (first) taken.add(first.day);
    from = first ? first.day + 1 : null;
  }

  const missed: Day[] = [];
  let next: Plan["next"] = null;
  const days = from === null ? [] : occurrences(recurrence.rule, recurrence.startsOn, recurrence.until, from);
  for (const day of days) {
    if (skipped.has(day) || taken.has(day)) continue;
    if (day < today) {
      missed.push(day);
      continue;
    }
    const occurrence = occurrenceOn(recurrence, day);
    if (!occurrence) continue;
    const before = lastBefore(day, taken);
    const at = timeOf(occurrence, template.leadMs, before === null ? null : instantOf(zone, { day: before, time: 0 }));
    if (at > now) {
      next = { day, at };
      break;
    }
    made.push(occurrence);
    taken.add(day);
  }
  return {
    template,
    recurrence,
    made: [...caughtUp(template, recurrence, missed, made, today), ...made],
    next,
    skipped: template.skipped.filter((day) => day >= today),
  };
}

/**
 * The first date that was still to come when a template was changed, and that has no instance; another date may have one that is
 * due at the same instant, in another zone.
 */
function startOf({ lastOn, taken }: Template, recurrence: Recurrence, changedAt: Date): Day | null {
  if (lastOn === null) return recurrence.startsOn;
  const from = Math.max(recurrence.startsOn, wallTimeOf(recurrence.zone, changedAt).day);
  const due = new Set(taken.values());
  const isMade = ({ day, dueDate }: Occurrence) => taken.has(day) || due.has(dueDate.getTime());
  const found = occurrencesFrom(recurrence, from).find((one) => one.dueDate > changedAt && !isMade(one));
  return found?.day ?? null;
}

/** The latest of the dates that have an instance before this one. */
function lastBefore(day: Day, taken: ReadonlySet<Day>): Day | null {
  const before = [...taken].filter((other) => other < day);
  return before.length === 0 ? null : Math.max(...before);
}

function timeOf({ opensAt, dueDate }: Occurrence, leadMs: number, before: Date | null): Date {
  const needed = Math.min(opensAt.getTime(), dueDate.getTime() - leadMs);
  return new Date(Math.max(needed, before?.getTime() ?? Number.NEGATIVE_INFINITY));
}

/** What is made up for of the dates that were missed. */
function caughtUp(
  { catchUp }: Template,
  recurrence: Recurrence,
  missed: readonly Day[],
  made: readonly Occurrence[],
  today: Day,
): Occurrence[] {
  const hasToday = made.some(({ day }) => day === today);
  if (catchUp === "none" || (catchUp === "one" && hasToday)) return [];
  const most = catchUp === "one" ? 1 : MOST_CAUGHT_UP;
  const found: Occurrence[] = [];
  for (const day of missed.toReversed()) {
    const occurrence = occurrenceOn(recurrence, day);
    if (occurrence) found.unshift(occurrence);
    if (found.length === most) break;
  }
  return found;
}
