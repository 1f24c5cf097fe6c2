import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dayOf, isoDate } from "../../../src/schedule/recurrence/calendar.ts";
import { lastPossible, occurrenceFrom, occurrences } from "../../../src/schedule/recurrence/occurrences.ts";
import { readPattern } from "../../../src/schedule/recurrence/pattern.ts";
import { byDay } from "./by-day.ts";

/** More of them: DOCKET_RECURRENCE_RUNS=4000 npx vitest run test/schedule/recurrence */
const RUNS = Number(process.env["DOCKET_RECURRENCE_RUNS"] ?? 40);

const NAMES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

const signed = (most: number) => fc.integer({ min: 1, max: most }).chain((n) => fc.constantFrom(n, -n));
const someOf = (value: fc.Arbitrary<number | string>, most = 4) =>
  fc.array(value, { minLength: 1, maxLength: most }).map((values) => values.join(","));
const part = (name: string, value: fc.Arbitrary<number | string>) =>
  fc.option(value).map((given) => (given === null ? [] : [`${name}=${given}`]));

const weekday = fc.constantFrom(...NAMES);
const weekdays = someOf(weekday, 5);
const numbered = (most: number) =>
  someOf(
    fc.oneof(
      weekday,
      fc.tuple(signed(most), weekday).map(([nth, name]) => `${nth}${name}`),
    ),
  );

/** Every sort of RRULE that is taken. */
const rrule = fc
  .oneof(
    fc.tuple(fc.constant(["FREQ=DAILY"]), part("BYMONTHDAY", someOf(signed(31))), part("BYDAY", weekdays)),
    fc.tuple(fc.constant(["FREQ=WEEKLY"]), part("BYDAY", weekdays)),
    fc.tuple(fc.constant(["FREQ=MONTHLY"]), part("BYMONTHDAY", someOf(signed(31))), part("BYDAY", numbered(5))),
    fc.tuple(
      fc.constant(["FREQ=YEARLY"]),
      part("BYMONTHDAY", someOf(signed(31))),
      part("BYYEARDAY", someOf(signed(366), 6)),
      part("BYDAY", numbered(53)),
    ),
    fc.tuple(
      fc.constant(["FREQ=YEARLY"]),
      someOf(signed(53)).map((weeks) => [`BYWEEKNO=${weeks}`]),
      weekdays.map((names) => [`BYDAY=${names}`]),
    ),
  )
  .chain((parts) =>
    fc.tuple(
      fc.constant(parts.flat()),
      fc.integer({ min: 1, max: 6 }).map((interval) => [`INTERVAL=${interval}`]),
      part("WKST", weekday),
      part("BYMONTH", someOf(fc.integer({ min: 1, max: 12 }))),
      part("BYSETPOS", someOf(signed(10))),
    ),
  )
  .map(([of, interval, weekStart, months, positions]) => {
    const isNarrowed = of.length + months.length > 1 && of[0] !== "FREQ=DAILY";
    return [...of, ...interval, ...weekStart, ...months, ...(isNarrowed ? positions : [])].join(";");
  });

const short = fc.oneof(
  fc.constantFrom("daily", "daily:", "weekly", "monthly", "yearly"),
  someOf(fc.constantFrom("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")).map((names) => `weekly:${names}`),
  someOf(fc.integer({ min: 1, max: 31 })).map((days) => `monthly:${days}`),
  fc.integer({ min: 1, max: 1_000 }).map((days) => `custom:${days}d`),
);

const start = fc.integer({ min: dayOf(1990, 1, 1), max: dayOf(2036, 12, 31) });

test("a rule recurs on the dates that a look at each day of fifty years finds, from whatever date it is followed", () => {
  fc.assert(
    fc.property(fc.oneof(short, rrule), start, fc.nat({ max: 18_000 }), (pattern, startsOn, later) => {
      const rule = readPattern(pattern);
      const until = lastPossible(startsOn);
      const expected = byDay(rule, startsOn, until);
      expect([...occurrences(rule, startsOn, until, startsOn)]).toEqual(expected);
      const from = startsOn + later;
      expect(occurrenceFrom(rule, startsOn, until, from)).toBe(expected.find((day) => day >= from) ?? null);
    }),
    { numRuns: RUNS },
  );
}, 60_000);

const first = (pattern: string, startsOn: number, count: number) =>
  [...occurrences(readPattern(pattern), startsOn, lastPossible(startsOn), startsOn).take(count)].map(isoDate);

test("a day that a month does not have is its last one in the short form, and is skipped by an RRULE", () => {
  expect(first("monthly:31", dayOf(2027, 1, 31), 4)).toEqual(["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]);
  expect(first("monthly:30,31", dayOf(2027, 1, 31), 3)).toEqual(["2027-01-31", "2027-02-28", "2027-03-30"]);
  expect(first("FREQ=MONTHLY;BYMONTHDAY=31", dayOf(2027, 1, 31), 3)).toEqual([
    "2027-01-31",
    "2027-03-31",
    "2027-05-31",
  ]);
  expect(first("yearly", dayOf(2028, 2, 29), 5)).toEqual([
    "2028-02-29",
    "2029-02-28",
    "2030-02-28",
    "2031-02-28",
    "2032-02-29",
  ]);
  expect(first("FREQ=YEARLY", dayOf(2028, 2, 29), 2)).toEqual(["2028-02-29", "2032-02-29"]);
});

test("the first occurrence is the first match on or after the start, and the last is within fifty years", () => {
  expect(first("weekly:MON,WED", dayOf(2026, 12, 1), 3)).toEqual(["2026-12-02", "2026-12-07", "2026-12-09"]);
  expect(first("custom:3d", dayOf(2026, 12, 1), 3)).toEqual(["2026-12-01", "2026-12-04", "2026-12-07"]);
  expect(first("yearly", dayOf(2026, 12, 1), 100)).toHaveLength(51);
  // The examples of RFC 5545 whose answer depends on what is expanded and what is narrowed.
  expect(first("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", dayOf(1997, 9, 2), 5)).toEqual([
    "1998-02-13",
    "1998-03-13",
    "1998-11-13",
    "1999-08-13",
    "2000-10-13",
  ]);
  expect(first("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", dayOf(1997, 8, 5), 4)).toEqual([
    "1997-08-05",
    "1997-08-10",
    "1997-08-19",
    "1997-08-24",
  ]);
  expect(first("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", dayOf(1997, 8, 5), 4)).toEqual([
    "1997-08-05",
    "1997-08-17",
    "1997-08-19",
    "1997-08-31",
  ]);
  expect(first("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", dayOf(1997, 5, 12), 3)).toEqual([
    "1997-05-12",
    "1998-05-11",
    "1999-05-17",
  ]);
});
