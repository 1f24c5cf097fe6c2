import { setTimeout as pause } from "node:timers/promises";
import { fc } from "@fast-check/vitest";
import type { World } from "./world.ts";

/** What breaks while writers write: PostgreSQL's side of some connections, or a process that drains. */
const disturbance = fc.record({
  breaks: fc.constantFrom("connections", "connections", "listeners", "drainer"),
  count: fc.integer({ min: 1, max: 6 }),
  // Broken faster than they are made again, connections carry no change that could get lost.
  afterMs: fc.integer({ min: 60, max: 250 }),
});
export const disturbances = fc.array(disturbance, { minLength: 1, maxLength: 6 });
type Disturbance = typeof disturbance extends fc.Arbitrary<infer T> ? T : never;

/** Any of them: also those in the middle of a transaction or a drain. */
const BREAK = `SELECT pg_terminate_backend(pid) FROM (
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE $1 AND application_name <> 'docket test owner'
  ORDER BY random() LIMIT $2) chosen`;

/** Again and again, until `over` is aborted. */
export async function disturb(world: World, plan: readonly Disturbance[], over: AbortSignal): Promise<void> {
  for (let i = 0; !over.aborted; i++) {
    const { breaks, count, afterMs } = plan[i % plan.length] as Disturbance;
    await pause(afterMs);
    if (breaks === "drainer") await world.replaceDrainer(i % world.drainers.length);
    else await world.owner.query(BREAK, [breaks === "listeners" ? "docket listen" : "docket %", count]);
  }
}
