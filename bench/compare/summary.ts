import type { Figure } from "../figures.ts";
import { percentile } from "../measure.ts";
import type { Comparison, SystemName } from "./compare.ts";
import type { Round } from "./round.ts";

/** The middle of what the rounds gave, with the least and the most of them. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** One system at one operation: the middle of its rounds. */
export interface Row extends Round {
  readonly operation: string;
  readonly connections: number;
  readonly system: SystemName;
  /** Divided by those of the bare server; null of the bare server itself. */
  readonly throughput: Spread | null;
  readonly processorTime: Spread | null;
}

const throughput = ({ perSecond }: Round) => perSecond;
const processorTime = ({ serverMicros, postgresMicros }: Round): number | null =>
  serverMicros === null || postgresMicros === null ? null : serverMicros + postgresMicros;

/** The statements alone are asked by a client that knows PostgreSQL: a server's part is missing. */
export const isServerless = (system: SystemName) => system === "statements" || system === "pgbench";

export function summarize({ operation, connections, rounds }: Comparison): Row[] {
  const bare = rounds.get("bare") ?? [];
  return [...rounds].map(([system, own]) => {
    const middle = (of: (round: Round) => number) => percentile(own.map(of), 0.5);
    const middleOfKnown = (of: (round: Round) => number | null) => {
      const known = own.map(of).filter((value) => value !== null);
      return known.length > 0 ? percentile(known, 0.5) : null;
    };
    return {
      operation,
      connections,
      system,
      perSecond: middle(throughput),
      p50: middle(({ p50 }) => p50),
      p99: middle(({ p99 }) => p99),
      serverMicros: middleOfKnown(({ serverMicros }) => serverMicros),
      postgresMicros: middleOfKnown(({ postgresMicros }) => postgresMicros),
      loadShare: middle(({ loadShare }) => loadShare),
      systemShare: middle(({ systemShare }) => systemShare),
      throughput: system === "bare" ? null : quotients(own, bare, throughput),
      processorTime: system === "bare" || isServerless(system) ? null : quotients(own, bare, processorTime),
    };
  });
}

/** Of rounds that took place one after the other, so that both met the same noise. */
function quotients(
  own: readonly Round[],
  others: readonly Round[],
  of: (round: Round) => number | null,
): Spread | null {
  const values = own.flatMap((round, i) => {
    const other = others[i];
    const [a, b] = [of(round), other ? of(other) : null];
    return a === null || b === null || b === 0 ? [] : [a / b];
  });
  if (values.length === 0) return null;
  return { median: percentile(values, 0.5), least: Math.min(...values), most: Math.max(...values) };
}

/** What another run can be compared with: ratios, and processor time, which a busy machine changes least. */
export function figuresOf(rows: readonly Row[]): Figure[] {
  return rows
    .filter(({ system }) => system === "docket")
    .flatMap(({ operation, connections, throughput, processorTime, serverMicros, postgresMicros }) => {
      const of = `${operation}, ${connections} connections: `;
      const figures: (Figure | null)[] = [
        throughput && { name: `${of}of node + pg`, value: throughput.median, unit: "×", better: "more" },
        processorTime && { name: `${of}CPU of node + pg`, value: processorTime.median, unit: "×", better: "less" },
        serverMicros === null ? null : { name: `${of}server`, value: serverMicros, unit: "µs", better: "less" },
        postgresMicros === null ? null : { name: `${of}PostgreSQL`, value: postgresMicros, unit: "µs", better: "less" },
      ];
      return figures.filter((figure) => figure !== null);
    });
}
