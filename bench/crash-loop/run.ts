import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";
import type { Measurement } from "../measure.ts";
import { seedProject, startWorld, type World } from "../world.ts";
import { type Agent, startAgent } from "./agent.ts";

/** How an agent ends that takes the bad task. */
export const WAYS = {
  kill: {
    what: "by kill -9",
    end: async (agent: Agent) => agent.kill(),
    reason: "5 attempts failed in a row; the lease of the last one ran out",
  },
  close: {
    what: "as its input is closed",
    end: (agent: Agent) => agent.close(),
    reason: "5 attempts failed in a row; the last one was given back without a checkpoint: session ended",
  },
} as const;
export type Way = keyof typeof WAYS;

/** The project's maxAttempts. */
const MOST_ATTEMPTS = 5;
const POISON = "TASK-001";
/** The lease of a session, and more than the longest wait of a task that may still be taken. */
const PAST_LEASE_AND_WAIT_SECONDS = 661;
const LONGEST_SWEEP_MS = 30_000;

interface Settings {
  readonly restarts: number;
  readonly ways: readonly Way[];
  readonly print: (line: string) => void;
  readonly interrupted: AbortSignal;
}

/**
 * An agent that dies as soon as it takes a bad task is started again and again. The task has to be parked with its reason after
 * five attempts, and every agent that is started then has to find good work.
 */
export async function crashLoop({ restarts, ways, print, interrupted }: Settings): Promise<Measurement[]> {
  await using world = await startWorld({ profile: undefined });
  const measurements: Measurement[] = [];
  for (const way of ways) measurements.push(...(await loopOf(way, world, { restarts, print, interrupted })));
  return measurements;
}

async function loopOf(
  way: Way,
  { url, apiKey, owner }: World,
  { restarts, print, interrupted }: Omit<Settings, "ways">,
): Promise<Measurement[]> {
  const { what, end, reason } = WAYS[way];
  const projectId = `crash-loop-${way}`;
  const good = restarts - MOST_ATTEMPTS;
  await seedProject({ owner }, projectId, good + 1);
  // The bad one is the first of all.
  await owner.query("UPDATE tasks SET priority = CASE task_id WHEN $2 THEN 0 ELSE 2 END WHERE project_id = $1", [
    projectId,
    POISON,
  ]);
  const began = performance.now();
  let poisoned = 0;
  let idle = 0;
  for (let n = 1; n <= restarts; n++) {
    interrupted.throwIfAborted();
    const agent = await startAgent({ url, apiKey, projectId });
    const taskId = await agent.takeNext();
    if (taskId === POISON) {
      poisoned++;
      await end(agent);
    } else {
      if (taskId === null) idle++;
      else await agent.complete(taskId);
      await agent.close();
    }
    await untilNothingIsHeld(owner);
    if (n % 10 === 0) print(`${what}: ${n} of ${restarts} agents`);
  }
  const { rows } = await owner.query<{ parked: string | null; failures: number; completed: number }>(
    `SELECT parked_reason AS parked, failures, (SELECT count(*)::int FROM tasks g
       WHERE g.project_id = t.project_id AND g.status = 'completed') AS completed
     FROM tasks t WHERE project_id = $1 AND task_id = $2`,
    [projectId, POISON],
  );
  const [left] = rows;
  const seconds = Math.round((performance.now() - began) / 1000);
  const row = (of: string, measured: number | string, target: number | string): Measurement => ({
    what: of,
    measured: String(measured),
    target: String(target),
    ok: measured === target,
  });
  return [
    { what: `an agent that dies ${what}, started ${restarts} times`, measured: `${seconds} s`, target: "", ok: true },
    row("  took the bad task", poisoned, MOST_ATTEMPTS),
    row("  found nothing to do", idle, 0),
    row("  good tasks completed", left?.completed ?? 0, good),
    row("  failures of the bad task in a row", left?.failures ?? 0, MOST_ATTEMPTS),
    row(`  parked: ${reason}`, left?.parked === reason ? "yes" : (left?.parked ?? "no"), "yes"),
  ];
}

/** Lets the time of leases and of waits pass, and waits until the server has ended what a dead agent held. */
async function untilNothingIsHeld(owner: Client): Promise<void> {
  await owner.query(
    `INSERT INTO clock_offset (moved_by) VALUES (make_interval(secs => $1))
     ON CONFLICT (only_row) DO UPDATE SET moved_by = clock_offset.moved_by + excluded.moved_by`,
    [PAST_LEASE_AND_WAIT_SECONDS],
  );
  const deadline = performance.now() + LONGEST_SWEEP_MS;
  for (;;) {
    const { rowCount } = await owner.query("SELECT FROM tasks WHERE status = 'in_progress' LIMIT 1");
    if (rowCount === 0) return;
    if (performance.now() > deadline) throw new Error("What a dead agent held was not given back.");
    await delay(20);
  }
}
