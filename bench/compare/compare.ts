import type { Operation } from "./operations.ts";
import type { Rig } from "./rig.ts";
import { measureRound, type Pace, type Round } from "./round.ts";

export type SystemName = "statements" | "bare" | "separate" | "docket";

/** One operation with so many connections: the rounds of each system, in the order in which they took place. */
export interface Comparison {
  readonly operation: string;
  readonly connections: number;
  readonly rounds: Partial<Record<SystemName, readonly Round[]>>;
}

export interface ComparePace extends Pace {
  readonly rounds: number;
}

/** Rounds of all systems by turns, so that what else the machine does meets them all. */
export async function compareOperation(
  rig: Rig,
  operation: Operation,
  connections: number,
  pace: ComparePace,
): Promise<Comparison> {
  const { statements = true, combined = false } = operation;
  const systems: SystemName[] = [
    ...(statements ? (["statements"] as const) : []),
    "bare",
    ...(combined ? (["separate"] as const) : []),
    "docket",
  ];
  const rounds: Partial<Record<SystemName, Round[]>> = {};
  for (let i = 0; i < pace.rounds; i++) {
    for (const system of i % 2 === 0 ? systems : systems.toReversed()) {
      const round = await measureRound(rig, rig[system], operation, connections, pace);
      rounds[system] = [...(rounds[system] ?? []), round];
    }
  }
  return { operation: operation.name, connections, rounds };
}
