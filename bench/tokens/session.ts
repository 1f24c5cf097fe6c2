import type { CountingAgent } from "./agent.ts";

/** What an agent says in turn, of usual length. */
const SAYINGS = [
  {
    done: "reproduced it in a test that fails",
    next: "make it pass, then run the whole suite",
    notes:
      "Fixed, with a test that failed before. The cause was a read outside the transaction; nothing else was changed.",
  },
  {
    done: "moved the code and its tests, types pass",
    next: "documentation, and the callers in src/api",
    notes:
      "Moved, documented, all callers changed; `npm test` is green. The old name stays as an alias until the next release.",
  },
  {
    done: "the happy path works",
    next: "timeouts and the empty list",
    notes:
      "Done, with timeouts and empty lists. US-028 describes what support asked for; measured 140 ms at the 95th percentile.",
  },
] as const;

/** Works on the next tasks, one cycle each: take, renew with a checkpoint, reserve three IDs, confirm them, complete. */
export async function workCycles(agent: CountingAgent, cycles: number): Promise<void> {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const { done, next, notes } = SAYINGS[cycle % SAYINGS.length] ?? SAYINGS[0];
    const { task, attempt } = await agent.call("get_next_task", {});
    const { task_id } = task as { task_id: string };
    await agent.call("renew_task_lease", { task_id, attempt, checkpoint: { done, next } });
    const { reservation_id } = await agent.call("reserve_id_range", { artifact_type: "US", count: 3 });
    await agent.call("confirm_reservation", { reservation_id });
    await agent.call("update_task_status", { task_id, status: "completed", attempt, completion_notes: notes });
  }
}

/** Looks at all projects: who works on what, and of each how many tasks wait and which come next. */
export async function lookAround(agent: CountingAgent, projects: readonly string[]): Promise<void> {
  await agent.call("list_tasks", { all_projects: true, status: "in_progress", limit: 50 });
  for (const project_id of projects) await agent.call("list_tasks", { project_id, status: "pending", limit: 3 });
}
