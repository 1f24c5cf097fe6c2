import { percentile } from "../measure.ts";
import type { Operation } from "./operations.ts";
import { familyMsOf, processorMsOf } from "./processor.ts";
import type { Rig, System } from "./rig.ts";

/** How long one round lasts. */
export interface Pace {
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** What one system did in one round. */
export interface Round {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the server for each, in microseconds; 0 where there is no server, null where it is not known. */
  readonly serverMicros: number | null;
  /** The same of PostgreSQL. */
  readonly postgresMicros: number | null;
  /** Shares of one processor that was in use by the process that asks, and by all others that this measures. */
  readonly loadShare: number;
  readonly systemShare: number;
}

let rounds = 0;

/** @throws Error when any answer was an error: what then is measured is not the operation. */
export async function measureRound(
  { load, postgresPid }: Rig,
  system: System,
  operation: Operation,
  connections: number,
  pace: Pace,
): Promise<Round> {
  if (operation.writes) await system.reset();
  const used = async () => ({
    server: system.pid === undefined ? 0 : await processorMsOf(system.pid),
    postgres: postgresPid === undefined ? undefined : await familyMsOf(postgresPid),
  });
  let [before, after] = [await used(), await used()];
  const burst = { operation: operation.name, target: system.target, connections, key: `round-${rounds++}`, ...pace };
  const around = {
    begun: async () => {
      before = await used();
    },
    ended: async () => {
      after = await used();
    },
  };
  const done = await (system.ask?.(burst, around) ?? load.run(burst, around));
  await system.rest();
  const { milliseconds, errors, firstError, seconds, processorMs } = done;
  if (errors > 0)
    throw new Error(`${operation.name}: ${errors} of ${milliseconds.length} failed, such as: ${firstError}`);
  const serverMs = difference(before.server, after.server);
  const postgresMs = difference(before.postgres, after.postgres);
  const each = (ms: number | null) => (ms === null ? null : (ms * 1000) / milliseconds.length);
  return {
    perSecond: milliseconds.length / seconds,
    p50: percentile(milliseconds, 0.5),
    p99: percentile(milliseconds, 0.99),
    serverMicros: each(serverMs),
    postgresMicros: each(postgresMs),
    loadShare: processorMs / (seconds * 1000),
    systemShare: ((serverMs ?? 0) + (postgresMs ?? 0)) / (seconds * 1000),
  };
}

const difference = (before: number | undefined, after: number | undefined): number | null =>
  before === undefined || after === undefined ? null : after - before;
