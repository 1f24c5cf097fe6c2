import { type ComparePace, compareOperation, type SystemName } from "./compare.ts";
import type { Operation } from "./operations.ts";
import { type Peer, startRig } from "./rig.ts";
import { type Row, summarize } from "./summary.ts";

export interface CompareOptions {
  readonly operations: readonly Operation[];
  readonly connections: readonly number[];
  readonly pace: ComparePace;
  readonly interrupted: AbortSignal;
  readonly peers?: ReadonlyMap<SystemName, Peer>;
  print(line: string): void;
}

/** @throws Error when an answer was an error, or it was interrupted. */
export async function compare({ operations, connections, pace, interrupted, print, peers }: CompareOptions) {
  await using rig = await startRig({ given: process.env["DATABASE_URL"], ...(peers && { peers }) });
  const rows: Row[] = [];
  for (const operation of operations)
    for (const count of connections) {
      print(`${operation.name} × ${count} …`);
      rows.push(...summarize(await compareOperation(rig, operation, count, { pace, interrupted })));
    }
  return { rows, postgres: rig.postgresVersion };
}
