import type { Measurement } from "../measure.ts";
import { columns, table as judged } from "../table.ts";
import type { SystemName } from "./compare.ts";
import { isServerless, type Row, type Spread } from "./summary.ts";

export const LABELS: Readonly<Record<SystemName, string>> = {
  pgbench: "statements, pgbench",
  statements: "statements",
  bare: "node + pg",
  combined: "node + pg, combined",
  mercurius: "Mercurius",
  postgraphile: "PostGraphile",
  docket: "Docket",
};

const HEAD = [
  "operation",
  "conn.",
  "system",
  "/s",
  "p50 ms",
  "p99 ms",
  "server µs",
  "PG µs",
  "load",
  "of node + pg",
  "CPU of node + pg",
];

/** For a terminal. */
export const table = (rows: readonly Row[]): string => columns([HEAD, ...rows.map(cells)]);

/** The same with what is asked of it beneath. */
export const report = (rows: readonly Row[], asked: readonly Measurement[]): string =>
  [table(rows), ...(asked.length > 0 ? [judged(asked)] : [])].join("\n\n");

/** For a page. */
export function markdown(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(HEAD), line(HEAD.map(() => "---")), ...rows.map((row) => line(cells(row)))].join("\n");
}

function cells(row: Row): string[] {
  return [
    row.operation,
    String(row.connections),
    LABELS[row.system],
    whole(row.perSecond),
    tenth(row.p50),
    tenth(row.p99),
    isServerless(row.system) ? "" : whole(row.serverMicros),
    whole(row.postgresMicros),
    `${whole(row.loadShare * 100)} %`,
    spread(row.throughput),
    spread(row.processorTime),
  ];
}

const whole = (value: number | null) => (value === null ? "–" : Math.round(value).toLocaleString("en"));
const tenth = (value: number) => value.toFixed(value < 10 ? 2 : 0);
const spread = (of: Spread | null) =>
  of === null ? "" : `${of.median.toFixed(2)} (${of.least.toFixed(2)}–${of.most.toFixed(2)})`;
