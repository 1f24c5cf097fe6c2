import { expect, it } from "vitest";
import { figures, measurements } from "../../bench/start/report.ts";
import { measureStarts, type Start } from "../../bench/start/run.ts";
import { table } from "../../bench/table.ts";
import { makeTestScratch } from "./scratch.ts";

it("tells the parts of a start with a PostgreSQL of its own, and with one that runs", async () => {
  const scratch = await makeTestScratch("start");
  const all = await measureStarts({
    times: 1,
    scratch,
    print: () => undefined,
    interrupted: new AbortController().signal,
  });
  // Fails when a connection was left open.
  await scratch.drop();

  const orderOf = (start: Start | undefined) =>
    Object.entries(start?.moments ?? {})
      .toSorted(([, a], [, b]) => a - b)
      .map(([moment]) => moment);
  expect(all.map(({ starts }) => starts.map(orderOf))).toEqual([
    [["called", "begun", "postgres", "migrated", "loaded", "answered"]],
    [["called", "begun", "migrated", "loaded", "answered"]],
  ]);
  const printed = table(measurements(all));
  expect(printed.match(/^ {2}\S+/gm)).toHaveLength(6 + 5);
  expect(printed).not.toMatch(/NaN|Infinity/);
});

it("judges the medians by their targets, and tells them as figures of distinct names", () => {
  const start = (ms: number, megabytes: number): Start => ({
    moments: { called: 1_000, begun: 1_250, answered: 1_000 + ms },
    processorMs: ms - 400,
    idleBytes: megabytes * 1e6,
  });
  const all = [
    { database: "embedded PostgreSQL", starts: [start(1_600, 150), start(1_400, 166), start(1_300, 167)] },
    { database: "DATABASE_URL", starts: [start(1_500, 165)] },
  ] as const;
  expect(
    measurements(all)
      .filter(({ target }) => target !== "")
      .map(({ what, measured, ok }) => [what, measured, ok]),
  ).toEqual([
    ["embedded PostgreSQL: first answer", "p50 1400 ms (1300 to 1600)", true],
    ["DATABASE_URL: first answer", "p50 1500 ms (1500 to 1500)", false],
    ["embedded PostgreSQL: idle memory", "166 MB", false],
    ["DATABASE_URL: idle memory", "165 MB", true],
  ]);
  const told = figures(all);
  expect(new Set(told.map(({ name }) => name)).size).toBe(told.length);
  expect(told).toContainEqual({
    name: "embedded PostgreSQL: the command, its code and settings",
    value: 250,
    unit: "ms",
    better: "less",
  });
});
