import { describe, expect, it } from "vitest";
import { connectTools } from "../mcp/connect.ts";
import { startMcpAgent } from "../support/mcp-client.ts";
import { connectOwner } from "../support/owner.ts";
import { makeProject, startTestServer } from "../support/server.ts";

/**
 * Five take the poison, and the rest find what is behind it. DOCKET_CRASH_RESTARTS=100 starts as many as the requirement
 * names, which takes two minutes and a half, as `npm run bench -- crash-loop` does.
 */
const RESTARTS = Number(process.env["DOCKET_CRASH_RESTARTS"] ?? 6);
const POISON = "TASK-001";

/** A project whose first task is poison, with as many good ones behind it as agents come to do. */
async function poisoned() {
  const server = await startTestServer({ env: { DOCKET_JOBS: "leases" } });
  const project = await makeProject(server, ["poison", ...Array.from({ length: RESTARTS - 5 }, (_, i) => `good ${i}`)]);
  const owner = await connectOwner(server.test);
  const { url, agentKey: key, projectId } = project;
  const parked = () =>
    project.ask(
      "query ($id: ID!) { tasks(filter: {projects: [$id], parked: true}) { nodes { taskId failures parkedReason explainReady { reason } } } }",
      { id: projectId },
    );
  const statuses = async () =>
    (
      await owner.query("SELECT status, count(*)::int FROM tasks WHERE project_id = $1 GROUP BY 1 ORDER BY 1", [
        projectId,
      ])
    ).rows;
  return {
    ...{ owner, parked, statuses },
    start: () => startMcpAgent({ url, key, project: projectId }),
    /** An agent within this process. */
    join: () => connectTools({ url, agentKey: key, defaultProject: projectId, holds: true }),
  };
}

interface Agent {
  call(tool: string, args?: Record<string, unknown>): Promise<{ data: unknown }>;
}

const nextOf = async (agent: Agent) => {
  const { data } = await agent.call("get_next_task");
  return (data as { task: { task_id: string } | null }).task?.task_id;
};
const set = (agent: Agent, task_id: string | undefined, status: string, notes: string) =>
  agent.call("update_task_status", { task_id, status, notes });

const onlyThePoison = (parkedReason: string) => ({
  tasks: { nodes: [{ taskId: POISON, failures: 5, parkedReason, explainReady: [{ reason: "PARKED" }] }] },
});

describe("a bad task", () => {
  it("does not keep an agent from the good ones behind it, and says to a person why it is parked", async () => {
    const { owner, parked, statuses, join } = await poisoned();
    await using agent = await join();
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < RESTARTS; i++) {
      const taskId = await nextOf(agent);
      taken.push(taskId);
      if (taskId === POISON) await set(agent, taskId, "pending", "no database");
      else await set(agent, taskId, "completed", "done");
      await owner.pass(61);
    }
    expect(taken.filter((taskId) => taskId === POISON)).toHaveLength(5);
    expect(await parked()).toEqual(
      onlyThePoison("5 attempts failed in a row; the last one was given back without a checkpoint: no database"),
    );
    expect(await statuses()).toEqual([
      { status: "completed", count: RESTARTS - 5 },
      { status: "pending", count: 1 },
    ]);
  });

  it(
    "is parked when every agent that takes it dies at once, by kill -9 or as its input is closed, and is started again",
    async () => {
      const { owner, parked, statuses, start } = await poisoned();
      for (let i = 0; i < RESTARTS; i++) {
        const agent = await start();
        const taskId = await nextOf(agent);
        if (taskId !== POISON) await set(agent, taskId, "completed", "done");
        if (taskId === POISON && i % 2 === 0) process.kill(agent.pid, "SIGKILL");
        else await agent.close();
        // The wait of a task whose session ended, and of one whose lease has to run out first.
        await expect
          .poll(async () => {
            await owner.pass(661);
            const { rows } = await owner.query("SELECT FROM tasks WHERE status = 'in_progress'");
            return rows.length;
          })
          .toBe(0);
      }
      expect(await parked()).toEqual(onlyThePoison("5 attempts failed in a row; the lease of the last one ran out"));
      const { rows } = await owner.query(
        "SELECT outcome, notes FROM task_attempts WHERE task_id = $1 ORDER BY attempt",
        [POISON],
      );
      const [killed, closed] = [
        { outcome: "expired", notes: null },
        { outcome: "released", notes: "session ended" },
      ];
      expect(rows).toEqual([killed, closed, killed, closed, killed]);
      expect(await statuses()).toEqual([
        { status: "completed", count: RESTARTS - 5 },
        { status: "pending", count: 1 },
      ]);
    },
    20_000 * RESTARTS,
  );

  it("is blamed for a session that ends only if that lived less than a minute and left no checkpoint", async () => {
    const { owner, join } = await poisoned();
    const failures = async () => (await owner.query("SELECT failures FROM tasks WHERE task_id = $1", [POISON])).rows;
    const lives = async (seconds: number, checkpoint?: object) => {
      await using agent = await join();
      expect(await nextOf(agent)).toBe(POISON);
      if (checkpoint) await agent.call("renew_task_lease", { task_id: POISON, checkpoint });
      await owner.pass(seconds);
      await agent.session.close();
      await expect
        .poll(async () => (await owner.query("SELECT FROM tasks WHERE status = 'in_progress'")).rowCount)
        .toBe(0);
      return (await failures())[0].failures;
    };
    expect([await lives(0), await lives(61), await lives(0, { step: 1 })]).toEqual([1, 1, 0]);
  }, 120_000);
});
