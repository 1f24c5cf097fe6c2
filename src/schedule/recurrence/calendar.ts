/**
 * A date of the Gregorian calendar as a number: days since 1970-01-01. It has no zone, so that adding to it is adding days.
 * Weekdays count from 0, Monday; months from 1.
 */
export type Day = number;

export const DAY_MS = 86_400_000;

interface CivilDate {
  readonly year: number;
  readonly month: number;
  /** Of the month. */
  readonly date: number;
}

/** 1970-01-01 was a Thursday. */
export const weekdayOf = (day: Day): number => modulo(day + 3, 7);

const modulo = (value: number, by: number): number => ((value % by) + by) % by;

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

export const lengthOfYear = (year: number): number => (isLeap(year) ? 366 : 365);

const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export const lengthOfMonth = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : (MONTH_LENGTHS[month - 1] ?? 0);

const DAYS_OF_400_YEARS = 146_097;

/** The day of this date. Years are counted from March, so that a leap day is the last of its year. */
export function dayOf(year: number, month: number, date: number): Day {
  const from = month > 2 ? year : year - 1;
  const cycle = Math.floor(from / 400);
  const ofCycle = from - cycle * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + date - 1;
  const leapDays = Math.floor(ofCycle / 4) - Math.floor(ofCycle / 100);
  return cycle * DAYS_OF_400_YEARS + ofCycle * 365 + leapDays + ofYear - 719_468;
}

/** The reverse of `dayOf`. */
export function civilOf(day: Day): CivilDate {
  const shifted = day + 719_468;
  const cycle = Math.floor(shifted / DAYS_OF_400_YEARS);
  const ofCycle = shifted - cycle * DAYS_OF_400_YEARS;
  const years = Math.floor(
    (ofCycle - Math.floor(ofCycle / 1_460) + Math.floor(ofCycle / 36_524) - Math.floor(ofCycle / 146_096)) / 365,
  );
  const ofYear = ofCycle - (365 * years + Math.floor(years / 4) - Math.floor(years / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: years + cycle * 400 + (month > 2 ? 0 : 1),
    month,
    date: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

/** The first day of the week that holds it. */
export const startOfWeek = (day: Day, weekStart: number): Day => day - modulo(weekdayOf(day) - weekStart, 7);

/** The first day of week 1 of a year: the first week that has four days or more in it, as in ISO 8601. */
export const startOfWeekYear = (year: number, weekStart: number): Day => startOfWeek(dayOf(year, 1, 4), weekStart);

/** As in ISO 8601: 2026-12-02. */
export const isoDate = (day: Day): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

/** The day of a date in ISO 8601; null where there is no such date. */
export function parseIsoDate(text: string): Day | null {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  return year === undefined ? null : existingDay(Number(year), Number(month), Number(date));
}

export function existingDay(year: number, month: number, date: number): Day | null {
  return date >= 1 && date <= lengthOfMonth(year, month) ? dayOf(year, month, date) : null;
}
