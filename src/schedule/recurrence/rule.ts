import type { Day } from "./calendar.ts";

/** The most periods from one occurrence to the next. */
export const LONGEST_INTERVAL = 1_000;

export type Frequency = "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";

interface RuleWeekday {
  /** From 0, Monday. */
  readonly weekday: number;
  /** Which of the month's or the year's, negative from its end; null: each. */
  readonly nth: number | null;
}

/** Until when, as RRULE says it: the date is the last one, but for one whose time is later than this. */
export interface Until {
  readonly day: Day;
  /** Milliseconds of the day; null: its end. */
  readonly time: number | null;
  /** Whether it is said in UTC, not in the recurrence's zone. */
  readonly utc: boolean;
}

/**
 * On which dates something recurs: which of them is decided by period (a day, week, month or year; every `interval`-th from
 * the one in which it starts), by what the dates of a period have to be, then by their position among those. Each list is
 * null where nothing is asked. A rule knows no time of day: that of the due date is what each date gets.
 */
export interface Rule {
  readonly frequency: Frequency;
  readonly interval: number;
  readonly months: readonly number[] | null;
  readonly weekNumbers: readonly number[] | null;
  readonly yearDays: readonly number[] | null;
  readonly monthDays: readonly number[] | null;
  readonly weekdays: readonly RuleWeekday[] | null;
  readonly positions: readonly number[] | null;
  readonly weekStart: number;
  /** A day that the month does not have is its last one; otherwise such a month is skipped. */
  readonly clamped: boolean;
  readonly count: number | null;
  readonly until: Until | null;
}

/** A rule that asks for nothing but its frequency. */
export const every = (frequency: Frequency, interval = 1): Rule => ({
  frequency,
  interval,
  months: null,
  weekNumbers: null,
  yearDays: null,
  monthDays: null,
  weekdays: null,
  positions: null,
  weekStart: 0,
  clamped: false,
  count: null,
  until: null,
});
