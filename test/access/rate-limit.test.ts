import { expect, test } from "vitest";
import { RateLimit } from "../../src/access/rate-limit.ts";
import { createLimits } from "../../src/access/rate-limits.ts";

/** A limit by a clock that is moved by hand. */
function limitOf(perMinute: number, burst: number) {
  const time = { now: 1_000 };
  return { time, limit: new RateLimit({ perMinute, burst }, () => time.now) };
}

const times = (limit: RateLimit, count: number) => Array.from({ length: count }, () => limit.take("a"));

test("a burst may come at once, and what was used comes back evenly, one after another", () => {
  const { time, limit } = limitOf(600, 200);
  expect(times(limit, 200).every((waitMs) => waitMs === 0)).toBe(true);
  expect(limit.take("a")).toBe(100);
  // Others have a limit of their own, and what was refused counts for nothing.
  expect(limit.take("b")).toBe(0);
  time.now += 99;
  expect(limit.take("a")).toBe(1);
  time.now += 1;
  expect(limit.take("a")).toBe(0);
  expect(limit.take("a")).toBe(100);
  time.now += 60_000;
  expect(times(limit, 201).map((waitMs) => waitMs === 0)).toEqual([...Array(200).fill(true), false]);
});

test("the rate holds over a minute of asking all the time, and no more than a burst beside it", () => {
  const { time, limit } = limitOf(600, 200);
  let taken = 0;
  for (let ms = 0; ms < 60_000; ms += 10) {
    time.now += 10;
    if (limit.take("a") === 0) taken++;
  }
  expect(taken).toBe(799);
});

test("more than a burst at once is let through when nothing is owed, and is owed whole", () => {
  const { time, limit } = limitOf(600, 200);
  expect(limit.take("a", 300)).toBe(0);
  // Of 30 seconds that are owed, a burst less one may remain.
  expect(limit.take("a")).toBe(30_000 - 199 * 100);
  expect(limit.take("a", 300)).toBe(30_000);
  time.now += 29_999;
  expect(limit.take("a", 300)).toBe(1);
  time.now += 1;
  expect(limit.take("a", 300)).toBe(0);
});

test("nobody is forgotten who still owes something, and who asks under ever new names fills no memory", () => {
  const { time, limit } = limitOf(1, 3);
  expect([...times(limit, 3), limit.take("a")]).toEqual([0, 0, 0, 60_000]);
  for (let minutes = 1; minutes < 3; minutes++) {
    time.now += 59_999;
    expect(limit.take("a")).toBe(1);
    time.now += 1;
    expect(limit.take("a")).toBe(0);
    for (let other = 0; other < 10; other++) limit.take(`${minutes} ${other}`);
    expect(limit.take("a")).toBe(60_000);
  }
});

test("a rate of 0 is no limit", () => {
  const none = { fieldsPerMinute: 0, reservationsPerMinute: 0, failedSignInsPerMinute: 0, burst: 200 };
  expect(createLimits(none)).toEqual({});
  expect(Object.keys(createLimits({ ...none, fieldsPerMinute: 1 }))).toEqual(["fields"]);
});
