import { percentile } from "../measure.ts";
import { columns } from "../table.ts";
import type { Comparison, SystemName } from "./compare.ts";
import type { Round } from "./round.ts";

/** The middle of what the rounds gave, with the least and the most of them. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

const spreadOf = (values: readonly number[]): Spread => ({
  median: percentile(values, 0.5),
  least: Math.min(...values),
  most: Math.max(...values),
});

/** Of rounds that took place one after the other, so that both met the same noise; null unless both systems took part. */
function ratio(
  { rounds }: Comparison,
  [one, other]: readonly [SystemName, SystemName],
  of: (round: Round) => number | null,
): Spread | null {
  const others = rounds[other] ?? [];
  const quotients = (rounds[one] ?? []).flatMap((round, i) => {
    const against = others[i];
    const [a, b] = [of(round), against ? of(against) : null];
    return a === null || b === null || b === 0 ? [] : [a / b];
  });
  return quotients.length > 0 ? spreadOf(quotients) : null;
}

const throughput = ({ perSecond }: Round) => perSecond;
/** Processor time of the server and PostgreSQL together for each, in microseconds. */
const processorTime = ({ serverMicros, postgresMicros }: Round): number | null =>
  serverMicros === null || postgresMicros === null ? null : serverMicros + postgresMicros;

const LABELS: Readonly<Record<SystemName, string>> = {
  statements: "statements",
  bare: "node + pg",
  separate: "node + pg, each alone",
  docket: "Docket",
};

const HEAD = [
  "operation",
  "conn",
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

/** A row for each system of each comparison. */
export function table(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    (Object.keys(LABELS) as SystemName[]).flatMap((system) => {
      const rounds = comparison.rounds[system];
      return rounds ? [row(comparison, system, rounds)] : [];
    }),
  );
  return columns([HEAD, ...rows]);
}

function row(comparison: Comparison, system: SystemName, rounds: readonly Round[]): string[] {
  const middle = (of: (round: Round) => number | null) => {
    const known = rounds.map(of).filter((value) => value !== null);
    return known.length > 0 ? percentile(known, 0.5) : null;
  };
  return [
    comparison.operation,
    String(comparison.connections),
    LABELS[system],
    whole(middle(throughput)),
    tenth(middle(({ p50 }) => p50)),
    tenth(middle(({ p99 }) => p99)),
    whole(middle(({ serverMicros }) => serverMicros)),
    whole(middle(({ postgresMicros }) => postgresMicros)),
    `${whole(middle(({ loadShare }) => loadShare * 100))} %`,
    system === "bare" ? "1" : spread(ratio(comparison, [system, "bare"], throughput)),
    system === "bare" ? "1" : spread(ratio(comparison, [system, "bare"], processorTime)),
  ];
}

const whole = (value: number | null) => (value === null ? "–" : Math.round(value).toLocaleString("en"));
const tenth = (value: number | null) => (value === null ? "–" : value.toFixed(value < 1 ? 2 : 1));
const spread = (of: Spread | null) =>
  of === null ? "–" : `${of.median.toFixed(2)} (${of.least.toFixed(2)}–${of.most.toFixed(2)})`;
