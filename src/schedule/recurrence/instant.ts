import { DAY_MS, type Day } from "./calendar.ts";

/** Node owns the zones: PostgreSQL's data may be of another release. */
export const ZONE_DATA = process.versions["tz"] ?? "";

/** A date and the milliseconds of it that have passed by the clock on the wall. */
export interface WallTime {
  readonly day: Day;
  readonly time: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Only names: an offset like +02:00 means opposite things in different places, and knows no summer time. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;

/** @throws RangeError where there is no such zone. */
function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  if (!ZONE_NAME.test(zone)) throw new RangeError(`Invalid time zone specified: ${zone}`);
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, format);
  return format;
}

/** Whether the runtime knows it as the name of a time zone, in whatever case. */
export function isKnownZone(zone: string): boolean {
  try {
    return formatOf(zone) !== undefined;
  } catch {
    return false;
  }
}

/** What the clock on the wall shows, as if it were an instant of UTC. */
function wallOf(zone: string, instant: number): number {
  const [month, date, year, hour, minute, second] = (formatOf(zone).format(instant).match(/\d+/g) ?? []).map(Number);
  const seconds = Date.UTC(year ?? 0, (month ?? 1) - 1, date, hour, minute, second);
  return seconds + (instant - Math.floor(instant / 1_000) * 1_000);
}

const offsetAt = (zone: string, instant: number) => wallOf(zone, instant) - instant;

export function wallTimeOf(zone: string, instant: Date): WallTime {
  const wall = wallOf(zone, instant.getTime());
  const day = Math.floor(wall / DAY_MS);
  return { day, time: wall - day * DAY_MS };
}

/**
 * The instant at which the clock of a zone shows a time on a date. A time that occurs twice is the first of the two; for one
 * that is left out, it is the first instant after the gap. null: the zone never had that date.
 */
export function instantOf(zone: string, { day, time }: WallTime): Date | null {
  const start = instantOfWall(zone, day * DAY_MS);
  if (Math.floor(wallOf(zone, start) / DAY_MS) !== day) return null;
  return new Date(time === 0 ? start : instantOfWall(zone, day * DAY_MS + time));
}

function instantOfWall(zone: string, wall: number): number {
  const earlier = wall - offsetAt(zone, wall - DAY_MS);
  if (wallOf(zone, earlier) === wall) return earlier;
  const later = wall - offsetAt(zone, wall + DAY_MS);
  if (wallOf(zone, later) === wall) return later;
  // In a gap: what was taken by the offset of before it lies after it, and the other way round.
  let before = Math.min(earlier, later);
  let after = Math.max(earlier, later);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wallOf(zone, middle) < wall) before = middle;
    else after = middle;
  }
  return after;
}
