import { expect, it } from "vitest";
import type { SystemName } from "../../bench/compare/compare.ts";
import type { Row } from "../../bench/compare/summary.ts";
import { goals } from "../../bench/peers/goals.ts";

/** What each system does a second. */
const rowsAt = (operation: string, connections: number, rates: Partial<Record<SystemName, number>>): Row[] =>
  (Object.keys(rates) as SystemName[]).map((system) => ({
    operation,
    connections,
    system,
    perSecond: rates[system] ?? 0,
    p50: 1,
    p99: 2,
    serverMicros: null,
    postgresMicros: null,
    loadShare: 0,
    systemShare: 0,
    throughput: null,
    processorTime: null,
  }));

const judged = (rows: readonly Row[]) => goals(rows).map(({ what, measured, ok }) => [what, measured, ok]);

it("is ahead of a peer that is slower at every operation but the empty one", () => {
  const rows = [
    ...rowsAt("empty", 32, { mercurius: 900, postgraphile: 90, docket: 500 }),
    ...rowsAt("task", 32, { bare: 900, mercurius: 400, postgraphile: 100, docket: 500 }),
    // PostGraphile cannot answer it.
    ...rowsAt("cycle", 1, { mercurius: 80, docket: 90 }),
  ];
  expect(judged(rows)).toEqual([
    ["ahead of Mercurius on every operation but empty", "2 of 2, least 1.13 × (cycle, 1 conn.)", true],
    ["ahead of PostGraphile on every operation but empty", "1 of 1, least 5.00 × (task, 32 conn.)", true],
  ]);
});

it("is not ahead of a peer that is as fast at one of them", () => {
  const rows = [
    ...rowsAt("task", 1, { mercurius: 400, docket: 500 }),
    ...rowsAt("task", 32, { mercurius: 500, docket: 500 }),
  ];
  expect(judged(rows)).toEqual([
    ["ahead of Mercurius on every operation but empty", "1 of 2, least 1.00 × (task, 32 conn.)", false],
  ]);
});

it("judges nothing where no peer was measured at more than the empty operation", () => {
  expect(goals(rowsAt("empty", 32, { mercurius: 900, docket: 500 }))).toEqual([]);
  expect(goals(rowsAt("task", 32, { bare: 900, docket: 500 }))).toEqual([]);
});
