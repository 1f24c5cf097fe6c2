import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dayOf, isoDate } from "../../../src/schedule/recurrence/calendar.ts";
import { readPattern } from "../../../src/schedule/recurrence/pattern.ts";
import { PatternFault } from "../../../src/schedule/recurrence/pattern-fault.ts";
import { occurrencesFrom, settle } from "../../../src/schedule/recurrence/recurrence.ts";

const faultOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof PatternFault) return error.message;
    throw error;
  }
  return "none";
};

const numbers = (count: number) => Array.from({ length: count }, (_, i) => (i % 28) + 1).join(",");

/** What is refused, the part that the answer names, and what of it is taken. */
const REFUSED: readonly (readonly [pattern: string, named: string, taken: string])[] = [
  ["", '""', "daily"],
  ["hourly", '"hourly"', "daily:"],
  [" daily", '" daily"', "daily"],
  ["daily ", '"daily "', "Daily"],
  ["daily:2", '"2"', "custom:2d"],
  ["yearly:1", '"1"', "yearly"],
  ["weekly:MON,XYZ", '"XYZ"', "weekly:mon,WED"],
  ["weekly:MON,", '""', "weekly:MON"],
  ["monthly:0", '"0"', "monthly:1"],
  ["monthly:32", '"32"', "monthly:31"],
  ["monthly:1,x", '"x"', "monthly:1,15"],
  ["monthly:+1", '"+1"', "monthly:1"],
  ["monthly:-1", '"-1"', "monthly:31"],
  ["monthly:01", '"01"', "monthly:1"],
  ["monthly:1,015", '"015"', "monthly:1,15"],
  ["monthly:1, 15", '" 15"', "monthly:1,15"],
  ["monthly:1.5", '"1.5"', "monthly:1,5"],
  ["monthly:1e1", '"1e1"', "monthly:10"],
  ["monthly:\u0661", '"\u0661"', "monthly:1"],
  ["monthly:\uff11", '"\uff11"', "monthly:1"],
  ["weekly:MON, WED", '" WED"', "weekly:MON,WED"],
  // Their capitals and small letters are those of the alphabet.
  ["weekly:\u017fUN", '"\u017f"', "weekly:sun"],
  ["wee\u212aly", '"\u212a"', "WEEKLY"],
  ["daily\u00a0", '"\u00a0"', "daily"],
  ["custom:+3d", '"+3d"', "custom:3d"],
  ["custom:-3d", '"-3d"', "custom:3d"],
  ["custom:03d", '"03d"', "custom:3D"],
  ["custom:3 d", '"3 d"', "custom:3d"],
  ["custom: 3d", '" 3d"', "custom:3d"],
  ["custom:0d", '"0d"', "custom:1d"],
  ["custom:1001d", '"1001d"', "custom:1000d"],
  ["custom:3", '"3"', "custom:3d"],
  ["custom:3d4", '"3d4"', "custom:3d"],
  ["FREQ=HOURLY", "FREQ=HOURLY", "FREQ=DAILY"],
  ["FREQ=MINUTELY", "FREQ=MINUTELY", "RRULE:FREQ=WEEKLY"],
  ["FREQ=SECONDLY", "FREQ=SECONDLY", "freq=monthly"],
  ["FREQ=NEVER", "FREQ=NEVER", "FREQ=YEARLY"],
  ["INTERVAL=2", "FREQ is missing", "FREQ=DAILY;INTERVAL=2"],
  ["FREQ=DAILY;INTERVAL=0", "INTERVAL=0", "FREQ=DAILY;INTERVAL=1"],
  ["FREQ=DAILY;INTERVAL=1001", "INTERVAL=1001", "FREQ=DAILY;INTERVAL=1000"],
  ["FREQ=DAILY;INTERVAL=+2", "INTERVAL=+2", "FREQ=DAILY;INTERVAL=2"],
  ["FREQ=DAILY;INTERVAL=2 ", "INTERVAL=2 ", "FREQ=DAILY;INTERVAL=2"],
  ["FREQ=DAILY;INTERVAL=00002", "INTERVAL=00002", "FREQ=DAILY;INTERVAL=02"],
  ["FREQ=DAILY;COUNT=+2", "COUNT=+2", "FREQ=DAILY;COUNT=2"],
  ["FREQ=DAILY; COUNT=2", " COUNT", "FREQ=DAILY;COUNT=2"],
  ["FREQ=DAILY;COUNT=\uff12", '"\uff12"', "FREQ=DAILY;COUNT=2"],
  ["FREQ=DAILY;\u0131NTERVAL=2", '"\u0131"', "FREQ=DAILY;interval=2"],
  ["FREQ=YEARLY;BYMONTH=+1", "BYMONTH=+1", "FREQ=YEARLY;BYMONTH=01"],
  ["FREQ=YEARLY;BYMONTH=001", "BYMONTH=001", "FREQ=YEARLY;BYMONTH=1"],
  // A sign is RFC 5545's where it counts from an end.
  ["FREQ=MONTHLY;BYMONTHDAY=+-1", "BYMONTHDAY=+-1", "FREQ=MONTHLY;BYMONTHDAY=+1,-01"],
  ["FREQ=MONTHLY;BYMONTHDAY=001", "BYMONTHDAY=001", "FREQ=MONTHLY;BYMONTHDAY=01"],
  ["FREQ=MONTHLY;BYMONTHDAY=1, 2", "BYMONTHDAY= 2", "FREQ=MONTHLY;BYMONTHDAY=1,2"],
  ["FREQ=MONTHLY;BYDAY=+ 1MO", "BYDAY=+ 1MO", "FREQ=MONTHLY;BYDAY=+1MO"],
  ["FREQ=DAILY;COUNT=0", "COUNT=0", "FREQ=DAILY;COUNT=1"],
  ["FREQ=DAILY;COUNT=10001", "COUNT=10001", "FREQ=DAILY;COUNT=10000"],
  ["FREQ=DAILY;COUNT=2;UNTIL=20300101", "COUNT and UNTIL", "FREQ=DAILY;UNTIL=20300101"],
  ["FREQ=DAILY;UNTIL=+2030101", "UNTIL=+2030101", "FREQ=DAILY;UNTIL=20300101"],
  ["FREQ=DAILY;UNTIL=20300231", "UNTIL=20300231", "FREQ=DAILY;UNTIL=20300228T120000Z"],
  ["FREQ=DAILY;UNTIL=20300101T250000Z", "UNTIL=20300101T250000Z", "FREQ=DAILY;UNTIL=20300101T230000"],
  ["FREQ=DAILY;BYHOUR=9", "BYHOUR", "FREQ=DAILY"],
  ["FREQ=DAILY;BYMINUTE=9", "BYMINUTE", "FREQ=DAILY"],
  ["FREQ=DAILY;BYSECOND=9", "BYSECOND", "FREQ=DAILY"],
  ["RSCALE=CHINESE;FREQ=YEARLY", "RSCALE", "FREQ=YEARLY"],
  ["FREQ=YEARLY;SKIP=BACKWARD", "SKIP", "FREQ=YEARLY"],
  ["FREQ=DAILY;X-NEW=1", "X-NEW", "FREQ=DAILY"],
  ["FREQ=DAILY;FREQ=DAILY", "FREQ stands twice", "FREQ=DAILY"],
  ["FREQ=DAILY;", '""', "FREQ=DAILY"],
  ["FREQ=DAILY\nCOUNT=2", "line break", "FREQ=DAILY;COUNT=2"],
  ["DTSTART:20300101T090000Z;FREQ=DAILY", "DTSTART:20300101T090000Z", "FREQ=DAILY"],
  ["FREQ=YEARLY;BYMONTH=13", "BYMONTH=13", "FREQ=YEARLY;BYMONTH=12"],
  ["FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=-31"],
  ["FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0", "FREQ=MONTHLY;BYMONTHDAY=1"],
  ["FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY=367", "FREQ=YEARLY;BYYEARDAY=-366"],
  ["FREQ=YEARLY;BYWEEKNO=54;BYDAY=MO", "BYWEEKNO=54", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO"],
  ["FREQ=YEARLY;BYDAY=54MO", "BYDAY=54MO", "FREQ=YEARLY;BYDAY=52MO"],
  ["FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX", "FREQ=WEEKLY;BYDAY=MO"],
  ["FREQ=WEEKLY;WKST=1MO", "WKST=1MO", "FREQ=WEEKLY;WKST=SU"],
  ["FREQ=WEEKLY;BYDAY=2MO", "numbered weekday", "FREQ=MONTHLY;BYDAY=2MO"],
  ["FREQ=DAILY;BYDAY=-1MO", "numbered weekday", "FREQ=DAILY;BYDAY=MO"],
  ["FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "numbered weekday", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
  ["FREQ=YEARLY;BYWEEKNO=20", "BYWEEKNO needs BYDAY", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
  ["FREQ=MONTHLY;BYWEEKNO=20;BYDAY=MO", "BYWEEKNO", "FREQ=MONTHLY;BYDAY=MO"],
  ["FREQ=MONTHLY;BYYEARDAY=20", "BYYEARDAY", "FREQ=YEARLY;BYYEARDAY=20"],
  ["FREQ=WEEKLY;BYMONTHDAY=20", "BYMONTHDAY", "FREQ=DAILY;BYMONTHDAY=20"],
  ["FREQ=DAILY;BYDAY=MO;BYSETPOS=1", "BYSETPOS", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1"],
  ["FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"],
  [`FREQ=MONTHLY;BYMONTHDAY=${numbers(63)}`, "63 values", `FREQ=MONTHLY;BYMONTHDAY=${numbers(62)}`],
  [`monthly:${numbers(63)}`, "63 values", `monthly:${numbers(62)}`],
  [`monthly:${"1".repeat(293)}`, "301 characters", "monthly:1"],
];

test.each(REFUSED)("%j is refused, naming the part that is wrong and a right one", (pattern, named, taken) => {
  const fault = faultOf(() => readPattern(pattern));
  expect(fault).toContain(named);
  const examples =
    fault.match(
      /FREQ=[A-Z]+(?:;[A-Z]+=[A-Z0-9,+-]*[A-Z0-9])*|(?:weekly|monthly|custom):[A-Z0-9,d]*[A-Z0-9d]|\bdaily\b/g,
    ) ?? [];
  for (const example of examples.filter((text) => !named.includes(text)))
    expect(
      faultOf(() => readPattern(example)),
      example,
    ).toBe("none");
  expect(
    faultOf(() => readPattern(taken)),
    taken,
  ).toBe("none");
});

const dueDate = new Date("2026-12-01T08:00:00Z");
const asked = { zone: "Europe/Berlin", dueDate, endsOn: null };
const dates = (pattern: string, more: Partial<Parameters<typeof settle>[0]> = {}, most = 10) => {
  const recurrence = settle({ ...asked, pattern, ...more });
  return [...occurrencesFrom(recurrence, recurrence.startsOn).take(most)].map(({ day }) => isoDate(day));
};

test("COUNT, UNTIL, the end that is given and fifty years are one last date, and the earliest counts", () => {
  expect(dates("FREQ=DAILY;COUNT=3")).toEqual(["2026-12-01", "2026-12-02", "2026-12-03"]);
  expect(dates("FREQ=DAILY;COUNT=3", { endsOn: dayOf(2026, 12, 2) })).toEqual(["2026-12-01", "2026-12-02"]);
  expect(dates("FREQ=DAILY;UNTIL=20261203")).toHaveLength(3);
  // Due at 09:00 in Berlin: 08:00 in UTC.
  expect(dates("FREQ=DAILY;UNTIL=20261203T080000Z")).toHaveLength(3);
  expect(dates("FREQ=DAILY;UNTIL=20261203T075959Z")).toHaveLength(2);
  expect(dates("FREQ=DAILY;UNTIL=20261203T090000")).toHaveLength(3);
  expect(dates("FREQ=DAILY;UNTIL=20261203T085959")).toHaveLength(2);
  const until = (pattern: string) => settle({ ...asked, pattern }).until;
  expect(isoDate(until("daily"))).toBe("2076-12-01");
  expect(until("FREQ=DAILY;COUNT=10000")).toBe(dayOf(2026, 12, 1) + 9_999);
  expect(isoDate(until("FREQ=YEARLY;COUNT=100"))).toBe("2076-12-01");
});

test("what never occurs, or ends before it does, is refused with its dates", () => {
  expect(faultOf(() => dates("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"))).toContain("2026-12-01 to 2076-12-01");
  expect(faultOf(() => dates("weekly:SUN", { endsOn: dayOf(2026, 12, 5) }))).toContain(
    "first occurrence is 2026-12-06",
  );
  expect(dates("weekly:SUN", { endsOn: dayOf(2026, 12, 6) })).toEqual(["2026-12-06"]);
  expect(faultOf(() => dates("daily", { zone: "+02:00" }))).toContain('"+02:00"');
});

test("every occurrence has the time of the due date in its zone, and a date that the zone never had is none", () => {
  const berlin = settle({ ...asked, dueDate: new Date("2027-03-27T01:30:00Z"), pattern: "daily" });
  expect([...occurrencesFrom(berlin, berlin.startsOn).take(3)].map((one) => one.dueDate.toISOString())).toEqual([
    "2027-03-27T01:30:00.000Z",
    "2027-03-28T01:00:00.000Z",
    "2027-03-29T00:30:00.000Z",
  ]);
  const havana = settle({
    pattern: "daily",
    zone: "America/Havana",
    dueDate: new Date("2027-03-13T05:00:00Z"),
    endsOn: null,
  });
  expect([...occurrencesFrom(havana, havana.startsOn).take(2)].map((one) => one.dueDate.toISOString())).toEqual([
    "2027-03-13T05:00:00.000Z",
    "2027-03-14T05:00:00.000Z",
  ]);
  const apia = { zone: "Pacific/Apia", dueDate: new Date("2011-12-29T09:00:00Z") };
  expect(dates("daily", apia).slice(0, 3)).toEqual(["2011-12-28", "2011-12-29", "2011-12-31"]);
});

test("no text, however hostile, takes long to refuse or to find its first dates", () => {
  const parts = [
    "FREQ=DAILY",
    "FREQ=YEARLY",
    "INTERVAL=1000",
    "COUNT=10000",
    "BYDAY=53MO,-53SU",
    "BYWEEKNO=53",
    "BYYEARDAY=366",
  ];
  const more = [
    "BYMONTH=2",
    "BYMONTHDAY=30,31",
    "BYSETPOS=-366",
    "FREQ=MONTHLY",
    "WKST=SU",
    "BYDAY=SU",
    "UNTIL=99991231",
  ];
  const hostile = fc.oneof(
    fc.subarray([...parts, ...more], { minLength: 1 }).map((chosen) => chosen.join(";")),
    fc.string({ maxLength: 310 }),
  );
  let longest = 0;
  fc.assert(
    fc.property(hostile, (pattern) => {
      const began = performance.now();
      faultOf(() => dates(pattern, {}, 1));
      longest = Math.max(longest, performance.now() - began);
    }),
    { numRuns: 300 },
  );
  // It takes 15 ms; the machine may be busy.
  expect(longest).toBeLessThan(500);
});
