import { expect, it } from "vitest";
import { goals } from "../../bench/compare/goals.ts";
import { report } from "../../bench/compare/report.ts";
import type { Row } from "../../bench/compare/summary.ts";

const docket = (operation: string, connections: number, more: { ratio: number; p99?: number }): Row => ({
  operation,
  connections,
  system: "docket",
  perSecond: 1_000,
  p50: 10,
  p99: more.p99 ?? 20,
  serverMicros: 500,
  postgresMicros: 100,
  loadShare: 0.2,
  systemShare: 1,
  throughput: { median: more.ratio, least: more.ratio - 0.1, most: more.ratio + 0.1 },
  processorTime: null,
});

const judged = (rows: readonly Row[]) =>
  goals(rows).map(({ what, measured, target, ok }) => [what, measured, target, ok]);

it("holds Docket's throughput with 32 connections against that of node + pg", () => {
  const of = (operation: string) => `${operation}, 32 connections: throughput of node + pg`;
  const enough: [string, number][] = [
    ["empty", 0.35],
    ["task", 0.8],
    ["list", 0.6],
    ["claim", 0.8],
    ["reserve-hot", 4],
  ];
  for (const [operation, least] of enough) {
    const range = (ratio: number) => `${ratio.toFixed(2)} (${(ratio - 0.1).toFixed(2)}–${(ratio + 0.1).toFixed(2)})`;
    const less = least - 0.01;
    expect(judged([docket(operation, 32, { ratio: least }), docket(operation, 32, { ratio: less })])).toEqual([
      [of(operation), range(least), `≥ ${least}`, true],
      [of(operation), range(less), `≥ ${least}`, false],
    ]);
  }
});

it("holds the p99 of every operation with 100 connections against its p50", () => {
  expect(judged([docket("cycle", 100, { ratio: 0.1, p99: 30 }), docket("task", 100, { ratio: 0.1, p99: 31 })])).toEqual(
    [
      ["cycle, 100 connections: p99 ÷ p50", "3.00", "≤ 3", true],
      ["task, 100 connections: p99 ÷ p50", "3.10", "≤ 3", false],
    ],
  );
});

it("judges neither other systems nor what has no goal, and prints what it judges beneath the table", () => {
  const bare: Row = { ...docket("empty", 32, { ratio: 1 }), system: "bare", throughput: null };
  const slow = docket("empty", 32, { ratio: 0.2 });
  const others = [bare, { ...slow, system: "mercurius" as const }, docket("counts", 32, { ratio: 0.1 })];
  expect(goals([...others, docket("empty", 1, { ratio: 0.1, p99: 90 })])).toEqual([]);
  expect(report(others, [])).not.toContain("target");
  expect(report([bare, slow], goals([bare, slow]))).toMatch(/\n\nwhat +measured +target.*\n.*\nempty.*NOT MET$/);
});
