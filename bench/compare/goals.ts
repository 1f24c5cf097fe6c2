import type { Measurement } from "../measure.ts";
import type { Row } from "./summary.ts";

/** The number of connections at which throughput has goals, and the one at which the slowest answers have one. */
const THROUGHPUT_AT = 32;
const TAIL_AT = 100;
/** The least throughput, divided by that of node + pg, which makes each reservation in a transaction of its own. */
const LEAST: ReadonlyMap<string, number> = new Map([
  ["empty", 0.35],
  ["task", 0.8],
  ["list", 0.6],
  ["claim", 0.8],
  ["reserve-hot", 4],
]);
/** The most that p99 may be, divided by p50. */
const MOST_TAIL = 3;

/** What is aimed at for those operations and connections that were measured. */
export const goals = (rows: readonly Row[]): Measurement[] =>
  rows.filter(({ system }) => system === "docket").flatMap((row) => [...throughputGoal(row), ...tailGoal(row)]);

function throughputGoal({ operation, connections, throughput }: Row): Measurement[] {
  const least = LEAST.get(operation);
  if (connections !== THROUGHPUT_AT || least === undefined || throughput === null) return [];
  return [
    {
      what: `${operation}, ${connections} connections: throughput of node + pg`,
      measured: `${throughput.median.toFixed(2)} (${throughput.least.toFixed(2)}–${throughput.most.toFixed(2)})`,
      target: `≥ ${least}`,
      ok: throughput.median >= least,
    },
  ];
}

function tailGoal({ operation, connections, p50, p99 }: Row): Measurement[] {
  if (connections !== TAIL_AT) return [];
  const tail = p99 / p50;
  return [
    {
      what: `${operation}, ${connections} connections: p99 ÷ p50`,
      measured: tail.toFixed(2),
      target: `≤ ${MOST_TAIL}`,
      ok: tail <= MOST_TAIL,
    },
  ];
}
