import {
  civilOf,
  type Day,
  dayOf,
  lengthOfMonth,
  lengthOfYear,
  startOfWeek,
  startOfWeekYear,
  weekdayOf,
} from "./calendar.ts";
import type { Rule } from "./rule.ts";

/** The longest that anything recurs, in years. */
const MOST_YEARS = 50;

/** The last date on which something that starts on this one may recur. */
export function lastPossible(startsOn: Day): Day {
  const { year, month, date } = civilOf(startsOn);
  return dayOf(year + MOST_YEARS, month, Math.min(date, lengthOfMonth(year + MOST_YEARS, month)));
}

/**
 * The dates on which a rule recurs, from `from` on, in order. It begins at the period of `from`, so that a rule that started
 * long ago costs no more. COUNT and UNTIL are the caller's: they are one date, `until`.
 */
export function* occurrences(rule: Rule, startsOn: Day, until: Day, from: Day): Generator<Day, void, void> {
  const asked = withDefaults(rule, startsOn);
  const periods = PERIODS[rule.frequency](asked);
  const first = Math.max(from, startsOn);
  const base = periods.of(startsOn);
  const passed = Math.max(0, periods.of(first) - base);
  for (let period = base + Math.ceil(passed / rule.interval) * rule.interval; ; period += rule.interval) {
    const [start, end] = periods.span(period);
    if (start > until) return;
    for (const day of datesOf(asked, start, end)) {
      if (day > until) break;
      if (day >= first) yield day;
    }
  }
}

/** The first date on or after `from` on which a rule recurs; null: none. */
export const occurrenceFrom = (rule: Rule, startsOn: Day, until: Day, from: Day): Day | null =>
  occurrences(rule, startsOn, until, from).next().value ?? null;

/** What a rule leaves open is as it is at its start. */
function withDefaults(rule: Rule, startsOn: Day): Rule {
  const { frequency, weekdays, monthDays, yearDays, weekNumbers, months } = rule;
  if (frequency === "DAILY" || (weekdays ?? monthDays ?? yearDays ?? weekNumbers)) return rule;
  if (frequency === "WEEKLY") return { ...rule, weekdays: [{ weekday: weekdayOf(startsOn), nth: null }] };
  const { month, date } = civilOf(startsOn);
  return { ...rule, monthDays: [date], months: frequency === "YEARLY" ? (months ?? [month]) : months };
}

interface Periods {
  /** The number of the period that holds a day. */
  of(day: Day): number;
  /** Its first day, and the first one after it. */
  span(period: number): readonly [start: Day, end: Day];
}

const YEARS: Periods = {
  of: (day) => civilOf(day).year,
  span: (year) => [dayOf(year, 1, 1), dayOf(year + 1, 1, 1)],
};

/** Years of whole weeks: what asks for week numbers counts by these. */
const weekYears = ({ weekStart }: Rule): Periods => ({
  of: (day) => {
    // The Thursday of an ISO week lies in the year that has the week; with another start it is as well the fourth day.
    const { year } = civilOf(startOfWeek(day, weekStart) + 3);
    return year;
  },
  span: (year) => [startOfWeekYear(year, weekStart), startOfWeekYear(year + 1, weekStart)],
});

const PERIODS: Readonly<Record<Rule["frequency"], (rule: Rule) => Periods>> = {
  DAILY: () => ({ of: (day) => day, span: (day) => [day, day + 1] }),
  WEEKLY: ({ weekStart }) => {
    const origin = startOfWeek(0, weekStart);
    return {
      of: (day) => Math.floor((day - origin) / 7),
      span: (week) => [origin + week * 7, origin + week * 7 + 7],
    };
  },
  MONTHLY: () => ({
    of: (day) => {
      const { year, month } = civilOf(day);
      return year * 12 + month - 1;
    },
    span: (count) => [startOfMonth(count), startOfMonth(count + 1)],
  }),
  YEARLY: (rule) => (rule.weekNumbers ? weekYears(rule) : YEARS),
};

const startOfMonth = (count: number) => dayOf(Math.floor(count / 12), (count % 12) + 1, 1);

/** The dates of a period that a rule asks for. */
function datesOf(rule: Rule, start: Day, end: Day): readonly Day[] {
  const dates: Day[] = [];
  for (let day = start; day < end; day++) if (isAsked(rule, day, start, end)) dates.push(day);
  const { positions } = rule;
  if (positions === null) return dates;
  const chosen = new Set(positions.map((position) => (position > 0 ? position - 1 : dates.length + position)));
  return dates.filter((_, i) => chosen.has(i));
}

function isAsked(rule: Rule, day: Day, start: Day, end: Day): boolean {
  const { months, monthDays, yearDays, weekNumbers, weekdays } = rule;
  if (months ?? monthDays ?? yearDays ?? weekdays?.some(({ nth }) => nth !== null)) {
    const { year, month, date } = civilOf(day);
    if (months && !months.includes(month)) return false;
    if (monthDays && !isMonthDay(monthDays, date, lengthOfMonth(year, month), rule.clamped)) return false;
    if (yearDays) {
      const ofYear = day - dayOf(year, 1, 1) + 1;
      if (!yearDays.includes(ofYear) && !yearDays.includes(ofYear - lengthOfYear(year) - 1)) return false;
    }
    if (weekdays) {
      // A numbered weekday is one of the month, but of the year where a year's rule names no month.
      const ofYear = rule.frequency === "YEARLY" && !months;
      const place = ofYear ? day - dayOf(year, 1, 1) : date - 1;
      const length = ofYear ? lengthOfYear(year) : lengthOfMonth(year, month);
      if (!isWeekday(weekdays, weekdayOf(day), place, length)) return false;
    }
  } else if (weekdays && !isWeekday(weekdays, weekdayOf(day), 0, 0)) return false;
  if (!weekNumbers) return true;
  const week = Math.floor((day - start) / 7);
  return weekNumbers.includes(week + 1) || weekNumbers.includes(week - (end - start) / 7);
}

const isMonthDay = (monthDays: readonly number[], date: number, length: number, clamped: boolean) =>
  monthDays.includes(date) ||
  monthDays.includes(date - length - 1) ||
  (clamped && date === length && monthDays.some((wanted) => wanted > length));

/** @param place how many days of the month or year, of this length, lie before it. */
const isWeekday = (weekdays: NonNullable<Rule["weekdays"]>, weekday: number, place: number, length: number) =>
  weekdays.some(
    (wanted) =>
      wanted.weekday === weekday &&
      (wanted.nth === null ||
        wanted.nth === Math.floor(place / 7) + 1 ||
        wanted.nth === -(Math.floor((length - 1 - place) / 7) + 1)),
  );
