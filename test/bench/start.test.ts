import { join } from "node:path";
import { expect, it } from "vitest";
import { measureInitialize } from "../../bench/start/mcp.ts";
import { figures, measurements, PACKAGED, SOURCES } from "../../bench/start/report.ts";
import { measureStarts, type Start } from "../../bench/start/run.ts";
import { table } from "../../bench/table.ts";
import { makeInitialisedHome } from "../support/temporary-folder.ts";
import { makeTestScratch } from "./scratch.ts";

it("tells the parts of a start with a PostgreSQL of its own, and with one that runs", async () => {
  const scratch = await makeTestScratch("start");
  // As an earlier start would leave it, which is not measured.
  await makeInitialisedHome(join(scratch.folder, "own"));
  const options = {
    times: 1,
    docket: scratch.docket,
    print: () => undefined,
    interrupted: new AbortController().signal,
  };
  const all = await measureStarts({ scratch, ...options });
  const initialized = await measureInitialize(options);
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
  const printed = table(measurements(all, initialized, SOURCES));
  expect(printed.match(/^ {2}\S+/gm)).toHaveLength(6 + 5);
  expect(printed).toMatch(/^docket mcp: initialize +p50 \d+ ms/m);
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
    measurements(all, [900], SOURCES)
      .filter(({ target }) => target !== "")
      .map(({ what, measured, ok }) => [what, measured, ok]),
  ).toEqual([
    ["embedded PostgreSQL: first answer", "p50 1400 ms (1300 to 1600)", true],
    ["DATABASE_URL: first answer", "p50 1500 ms (1500 to 1500)", false],
    ["embedded PostgreSQL: idle memory", "166 MB", false],
    ["DATABASE_URL: idle memory", "165 MB", true],
  ]);
  const packaged = measurements(all, [240, 250, 260], PACKAGED).filter(({ target }) => target !== "");
  expect(packaged.map(({ ok }) => ok)).toEqual([false, false, false, false, false]);
  expect(packaged.at(-1)).toMatchObject({ what: "docket mcp: initialize", measured: "p50 250 ms (240 to 260)" });
  expect(measurements(all, [249], PACKAGED).at(-1)?.ok).toBe(true);
  const told = figures(all, [900]);
  expect(new Set(told.map(({ name }) => name)).size).toBe(told.length);
  expect(told).toContainEqual({
    name: "embedded PostgreSQL: the command, its code and settings",
    value: 250,
    unit: "ms",
    better: "less",
  });
});
