import type { Operation } from "./operations.ts";
import type { Rig } from "./rig.ts";
import { measureRound, type Pace, type Round } from "./round.ts";

/** In the order of the tables. */
export const SYSTEMS = ["pgbench", "statements", "bare", "combined", "mercurius", "postgraphile", "docket"] as const;
export type SystemName = (typeof SYSTEMS)[number];

export interface ComparePace extends Pace {
  readonly rounds: number;
}

/** One operation with so many connections: the rounds of each system, in the order in which they took place. */
export interface Comparison {
  readonly operation: string;
  readonly connections: number;
  readonly rounds: ReadonlyMap<SystemName, readonly Round[]>;
}

/**
 * Rounds of all systems by turns, so that what else the machine does meets them all.
 * @throws Error when an answer was an error, or it was interrupted.
 */
export async function compareOperation(
  rig: Rig,
  operation: Operation,
  connections: number,
  { pace, interrupted }: { readonly pace: ComparePace; readonly interrupted: AbortSignal },
): Promise<Comparison> {
  const { statements = true, combined = false } = operation;
  const left = new Set([...(statements ? [] : ["statements"]), ...(combined ? [] : ["combined"])]);
  const systems = SYSTEMS.flatMap((name) => {
    const system = rig.systems.get(name);
    const takesPart = system && !left.has(name) && (system.answers?.has(operation.name) ?? true);
    return takesPart ? [{ name, system }] : [];
  });
  const rounds = new Map<SystemName, Round[]>(systems.map(({ name }) => [name, []]));
  for (let i = 0; i < pace.rounds; i++) {
    for (const { name, system } of i % 2 === 0 ? systems : systems.toReversed()) {
      interrupted.throwIfAborted();
      rounds.get(name)?.push(await measureRound(rig, system, operation, connections, pace));
    }
  }
  return { operation: operation.name, connections, rounds };
}
