import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DAY_MS, dayOf } from "../../../src/schedule/recurrence/calendar.ts";
import { instantOf, wallTimeOf } from "../../../src/schedule/recurrence/instant.ts";

/** More of them: DOCKET_RECURRENCE_RUNS=1000000 npx vitest run test/schedule/recurrence/instant.test.ts */
const RUNS = Number(process.env["DOCKET_RECURRENCE_RUNS"] ?? 3_000);

/** Odd offsets, a shift of half an hour, shifts at midnight, and two that left out a day. */
const ZONES = [
  "Africa/Casablanca",
  "America/Havana",
  "America/New_York",
  "America/Sao_Paulo",
  "America/St_Johns",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Tehran",
  "Australia/Lord_Howe",
  "Europe/Berlin",
  "Pacific/Apia",
  "Pacific/Chatham",
  "Pacific/Kwajalein",
  "UTC",
] as const;

const FROM = Date.UTC(1988, 0, 1);
const TO = Date.UTC(2041, 0, 1);

/** From an instant on the zone is so far ahead of UTC. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

/** Every transition of a zone, by looking at each day and then ever closer. */
function stretchesOf(zone: string): Stretch[] {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" });
  const offsetAt = (instant: number) => {
    const name = format.formatToParts(instant).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes = "0", seconds = "0"] = /GMT([+-])(\d+):?(\d+)?:?(\d+)?/.exec(name) ?? [];
    const size = ((Number(hours ?? 0) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
    return sign === "-" ? -size : size;
  };
  const stretches: Stretch[] = [];
  let from = FROM;
  let offset = offsetAt(FROM);
  for (let at = FROM; at < TO; at += DAY_MS) {
    const next = offsetAt(at + DAY_MS);
    if (next === offset) continue;
    let [low, high] = [at, at + DAY_MS];
    while (high - low > 1_000) {
      const middle = Math.round((low + high) / 2_000) * 1_000;
      if (offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    stretches.push({ from, to: high, offset });
    from = high;
    offset = next;
  }
  return [...stretches, { from, to: TO + DAY_MS, offset }];
}

const scanned = new Map(ZONES.map((zone) => [zone, stretchesOf(zone)]));

/** By going through all that a zone ever was. */
function expectedInstant(zone: (typeof ZONES)[number], day: number, time: number): number | null {
  const stretches = scanned.get(zone) ?? [];
  const isOf = ({ from, to, offset }: Stretch) => from + offset < (day + 1) * DAY_MS && to + offset > day * DAY_MS;
  if (!stretches.some(isOf)) return null;
  const wall = day * DAY_MS + time;
  const hit = stretches.find(({ from, to, offset }) => wall - offset >= from && wall - offset < to);
  if (hit) return wall - hit.offset;
  return stretches.find(({ from, offset }) => from + offset > wall)?.from ?? null;
}

const zone = fc.constantFrom(...ZONES);
const anyTime = fc.oneof(
  fc.nat({ max: 95 }).map((quarter) => quarter * 900_000),
  fc.nat({ max: DAY_MS - 1 }),
  fc.nat({ max: 4 * 60 }).map((minute) => minute * 60_000),
);
const anyDay = fc.integer({ min: dayOf(1990, 1, 1), max: dayOf(2039, 12, 31) });
/** Days on which a zone's clocks were put. */
const shiftDay = (of: (typeof ZONES)[number]) => {
  const days = (scanned.get(of) ?? []).slice(1).flatMap(({ from, offset }) => {
    const day = Math.floor((from + offset) / DAY_MS);
    return [day - 1, day, day + 1];
  });
  const within = days.filter((day) => day >= dayOf(1990, 1, 1) && day <= dayOf(2039, 12, 31));
  return within.length > 0 ? fc.oneof(anyDay, fc.constantFrom(...within)) : anyDay;
};

test("a wall time is the instant that a scan of all transitions of fourteen zones over fifty years gives", () => {
  fc.assert(
    fc.property(
      zone.chain((of) => fc.tuple(fc.constant(of), shiftDay(of), anyTime)),
      ([of, day, time]) => {
        const instant = instantOf(of, { day, time });
        expect(instant?.getTime() ?? null).toBe(expectedInstant(of, day, time));
        if (instant === null) return;
        const shown = wallTimeOf(of, instant);
        expect(shown.day * DAY_MS + shown.time).toBeGreaterThanOrEqual(day * DAY_MS + time);
      },
    ),
    { numRuns: RUNS },
  );
}, 120_000);

const at = (of: string, year: number, month: number, date: number, hours: number) =>
  instantOf(of, { day: dayOf(year, month, date), time: hours * 3_600_000 })?.toISOString() ?? null;

test("a time in a gap is the first instant after it, one that occurs twice the first, and a date that never was none", () => {
  expect(at("Europe/Berlin", 2027, 3, 28, 2.5)).toBe("2027-03-28T01:00:00.000Z");
  expect(at("Europe/Berlin", 2027, 10, 31, 2.5)).toBe("2027-10-31T00:30:00.000Z");
  expect(at("America/Havana", 2027, 3, 14, 0)).toBe("2027-03-14T05:00:00.000Z");
  expect(at("Australia/Lord_Howe", 2027, 10, 3, 2.25)).toBe("2027-10-02T15:30:00.000Z");
  expect(at("Pacific/Apia", 2011, 12, 30, 9)).toBeNull();
  expect(at("Pacific/Apia", 2011, 12, 31, 9)).toBe("2011-12-30T19:00:00.000Z");
});
