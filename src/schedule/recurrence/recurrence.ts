import { DAY_MS, type Day, isoDate } from "./calendar.ts";
import { instantOf, isKnownZone, wallTimeOf } from "./instant.ts";
import { lastPossible, occurrenceFrom, occurrences } from "./occurrences.ts";
import { readPattern } from "./pattern.ts";
import { PatternFault } from "./pattern-fault.ts";
import type { Rule, Until } from "./rule.ts";
import { zoneFault } from "./zone-name.ts";

/** When something recurs, with all of its ends as one date. */
export interface Recurrence {
  readonly rule: Rule;
  readonly zone: string;
  readonly startsOn: Day;
  /** The last date it may have. */
  readonly until: Day;
  /** When it is due on each date: milliseconds of the zone's day. */
  readonly dueTime: number;
}

export interface Occurrence {
  readonly day: Day;
  readonly dueDate: Date;
  /** The first instant of its date in the zone. */
  readonly opensAt: Date;
}

interface AsAsked {
  readonly pattern: string;
  readonly zone: string;
  /** The first date and the time of day come from it. */
  readonly dueDate: Date;
  /** The last date that is wanted. */
  readonly endsOn: Day | null;
}

/**
 * Settles when something recurs: its start, and its end, which is the earliest of COUNT, UNTIL, the end that was given and fifty years.
 * @throws PatternFault for a pattern that is wrong or has no occurrence
 */
export function settle({ pattern, zone, dueDate, endsOn }: AsAsked): Recurrence {
  requireKnownZone(zone);
  const rule = readPattern(pattern);
  const { day: startsOn, time: dueTime } = wallTimeOf(zone, dueDate);
  const last = lastPossible(startsOn);
  const first = occurrenceFrom(rule, startsOn, last, startsOn);
  if (first === null)
    throw new PatternFault(`no date from ${isoDate(startsOn)} to ${isoDate(last)} fits it; give a rule that has some`);
  const ends = [last, endsOn ?? last, lastCounted(rule, startsOn, last), lastUntil(rule.until, zone, dueTime) ?? last];
  const until = Math.min(...ends);
  if (until < first)
    throw new PatternFault(
      `its first occurrence is ${isoDate(first)}, but it ends on ${isoDate(until)}; let it end later`,
      endsOn === until ? "recurrenceEndDate" : "recurrencePattern",
    );
  return { rule, zone, startsOn, until, dueTime };
}

/** @throws PatternFault for what this process does not know, whatever wrote it: it may be another's, with newer zone data. */
export function requireKnownZone(zone: string): void {
  if (!isKnownZone(zone)) throw new PatternFault(zoneFault(zone) ?? `${zone} is unknown here`, "recurrenceTimeZone");
}

/** COUNT as a date: reckoned once, as it would have to be counted anew each time. */
function lastCounted({ count, ...rule }: Rule, startsOn: Day, last: Day): Day {
  if (count === null) return last;
  return occurrences({ ...rule, count: null }, startsOn, last, startsOn)
    .take(count)
    .reduce((_, day) => day, last);
}

function lastUntil(until: Until | null, zone: string, dueTime: number): Day | null {
  if (until === null || until.time === null) return until?.day ?? null;
  const { day, time } = until.utc
    ? wallTimeOf(zone, new Date(until.day * DAY_MS + until.time))
    : { day: until.day, time: until.time };
  return dueTime <= time ? day : day - 1;
}

/** What occurs from a date on, in order. A date that the zone never had is left out. */
export function* occurrencesFrom(recurrence: Recurrence, from: Day): Generator<Occurrence> {
  const { rule, startsOn, until } = recurrence;
  for (const day of occurrences(rule, startsOn, until, from)) {
    const occurrence = occurrenceOn(recurrence, day);
    if (occurrence) yield occurrence;
  }
}

/** What occurs on one of its dates; null: the zone never had that date. */
export function occurrenceOn({ zone, dueTime }: Recurrence, day: Day): Occurrence | null {
  const opensAt = instantOf(zone, { day, time: 0 });
  const dueDate = instantOf(zone, { day, time: dueTime });
  return opensAt && dueDate && { day, opensAt, dueDate };
}
