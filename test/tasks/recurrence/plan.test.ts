import { expect, test } from "vitest";
import { dayOf, isoDate } from "../../../src/schedule/recurrence/calendar.ts";
import { planned } from "../../../src/tasks/recurrence/plan.ts";
import type { Template } from "../../../src/tasks/recurrence/template.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Due at nine, and with an instance for the first day. */
const template: Template = {
  ...{ projectId: "alpha", taskId: "TASK-001", pattern: "daily", zone: "UTC", catchUp: "one", paused: false },
  ...{
    dueDate: new Date("2026-12-07T09:00:00Z"),
    endsOn: null,
    skipped: [],
    changedAt: null,
    owed: [],
    mark: "1",
    leadMs: 0,
  },
  settled: { startsOn: dayOf(2026, 12, 7), until: dayOf(2027, 12, 7), dueTime: 9 * HOUR_MS },
  ...{ nextOn: dayOf(2026, 12, 8), made: [{ taskId: "TASK-002", day: dayOf(2026, 12, 7), occursAt: null }] },
};

/** The dates that are made by then, and when the next one is. */
function at(instant: string, more: Partial<Template>) {
  const { made, next } = planned({ ...template, ...more }, new Date(instant));
  return [made.map(({ day }) => isoDate(day)), next?.at.toISOString().replace(":00.000Z", "Z")];
}

test("an instance is made when its first reminder comes, if that is before its date, but at most one lies ahead", () => {
  const dayBefore = { leadMs: DAY_MS };
  expect(at("2026-12-07T08:59:59Z", dayBefore)).toEqual([[], "2026-12-07T09:00Z"]);
  expect(at("2026-12-07T09:00:00Z", dayBefore)).toEqual([["2026-12-08"], "2026-12-08T09:00Z"]);
  // A week before, daily: the next one waits for the date of the one before it.
  const weekBefore = { leadMs: 7 * DAY_MS };
  expect(at("2026-12-07T00:00:00Z", weekBefore)).toEqual([["2026-12-08"], "2026-12-08T00:00Z"]);
  // A week before, weekly: when the one before it is due.
  const weekly = { ...weekBefore, pattern: "weekly:MON", nextOn: dayOf(2026, 12, 14) };
  expect(at("2026-12-07T08:59:59Z", weekly)).toEqual([[], "2026-12-07T09:00Z"]);
  expect(at("2026-12-07T09:00:00Z", weekly)).toEqual([["2026-12-14"], "2026-12-14T09:00Z"]);
  // Without a reminder, or with one on the day: when its date begins.
  for (const leadMs of [0, 8 * HOUR_MS])
    expect(at("2026-12-07T23:59:59Z", { leadMs })).toEqual([[], "2026-12-08T00:00Z"]);
});

test("after a time without a server one that lies ahead is made as well as what is made up for", () => {
  const late = { leadMs: DAY_MS };
  expect(at("2026-12-11T10:00:00Z", late)).toEqual([["2026-12-11", "2026-12-12"], "2026-12-12T09:00Z"]);
  expect(at("2026-12-11T10:00:00Z", { ...late, catchUp: "all" })[0]).toEqual(
    ["08", "09", "10", "11", "12"].map((day) => `2026-12-${day}`),
  );
});

test("a template that is at its end has nothing that follows", () => {
  const ending = { settled: { startsOn: dayOf(2026, 12, 7), until: dayOf(2026, 12, 8), dueTime: 0 } };
  expect(at("2026-12-08T00:00:00Z", ending)).toEqual([["2026-12-08"], undefined]);
  expect(at("2026-12-09T00:00:00Z", { ...ending, nextOn: null })).toEqual([[], undefined]);
});
