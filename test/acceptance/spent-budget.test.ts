import { expect, it } from "vitest";
import { connectTools } from "../mcp/connect.ts";
import { connectOwner } from "../support/owner.ts";
import { makeProject, startTestServer } from "../support/server.ts";

type Agent = Awaited<ReturnType<typeof connectTools>>;

const nextOf = async (agent: Agent) => {
  const { data, text } = await agent.call("get_next_task");
  return { ...(data as { task: { task_id: string } | null }), text };
};

it("lets agents finish what they hold once a budget is spent, says to a person why the rest waits, and goes on with the next day", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "pauses" } });
  const owner = await connectOwner(server.test);
  const project = await makeProject(server, ["first", "second", "third", "fourth"]);
  const { projectId } = project;
  const asAdmin = { key: server.adminKey };
  await server.ask(
    "mutation ($id: ID!) { updateProject(input: {projectId: $id, budget: {costUsd: 5, per: DAY}}) { replayed } }",
    { id: projectId },
    asAdmin,
  );
  const join = () => connectTools({ ...project, defaultProject: projectId, holds: true });
  await using anna = await join();
  await using ben = await join();
  expect((await nextOf(anna)).task).toMatchObject({ task_id: "TASK-001" });
  expect((await nextOf(ben)).task).toMatchObject({ task_id: "TASK-002" });

  // The harness of the first one tells what its model cost.
  const { rows } = await owner.query<{ attempt: string }>(
    "SELECT attempt || '-' || secret AS attempt FROM task_attempts WHERE project_id = $1 AND task_id = 'TASK-001'",
    [projectId],
  );
  const used = { inputTokens: 1_000_000, outputTokens: 20_000, costUsd: 5.25, model: "large" };
  await project.ask(
    `mutation ($id: ID!, $attempt: ID!, $used: UsageInput!) {
      renewTaskLease(input: {projectId: $id, taskId: "TASK-001", attempt: $attempt, usage: $used}) { leaseExpiresAt } }`,
    { id: projectId, attempt: rows[0]?.attempt, used },
  );

  const complete = (agent: Agent, task_id: string) =>
    agent.call("update_task_status", { task_id, status: "completed", notes: "done" });
  expect(await complete(anna, "TASK-001")).toMatchObject({ failed: false });
  const idle = await nextOf(anna);
  expect(idle.task).toBeNull();
  expect(idle.text).toMatch(`The budget of project ${projectId} (5 USD per day) is spent: it hands out no work until `);
  const asked = await anna.call("update_task_status", { task_id: "TASK-003", status: "in_progress" });
  expect(asked).toMatchObject({ failed: true, text: expect.stringContaining("BUDGET_SPENT") });
  expect(await complete(ben, "TASK-002")).toMatchObject({ failed: false });

  const read = await server.ask<{ events: { events: { type: string }[] } }>(
    `query ($id: ID!) {
      project(projectId: $id) { budget { costUsd per spentUsd periodEndsAt } budgetSpentUntil taskCounts { status count } }
      task(projectId: $id, taskId: "TASK-003") { ready explainReady { reason message } }
      usage(projects: [$id], from: "-P1D", by: [TASK, MODEL]) { taskId model inputTokens costUsd }
      events(filter: {projects: [$id], types: ["project.*"]}) { events { type } } }`,
    { id: projectId },
    asAdmin,
  );
  const until = expect.stringMatching(/T00:00:00/);
  expect(read).toMatchObject({
    project: { budget: { costUsd: 5, per: "DAY", spentUsd: 5.25, periodEndsAt: until }, budgetSpentUntil: until },
    task: {
      ready: true,
      explainReady: [
        { reason: "BUDGET_SPENT", message: expect.stringContaining("raises the budget with updateProject") },
      ],
    },
    usage: [{ taskId: "TASK-001", model: "large", inputTokens: 1_000_000, costUsd: 5.25 }],
  });
  expect(read.events.events.map(({ type }) => type).slice(-2)).toEqual(["project.budget_low", "project.budget_spent"]);

  await owner.pass(86_400);
  expect((await nextOf(anna)).task).toMatchObject({ task_id: "TASK-003" });
  await expect
    .poll(async () => {
      const { events } = await server.ask<{ events: { events: { type: string; actor: string }[] } }>(
        'query ($id: ID!) { events(filter: {projects: [$id], types: ["project.budget_available"]}) { events { type actor } } }',
        { id: projectId },
        asAdmin,
      );
      return events.events;
    })
    .toEqual([{ type: "project.budget_available", actor: "server" }]);
  // More for today is as good.
  await server.ask(
    "mutation ($id: ID!) { updateProject(input: {projectId: $id, budget: {costUsd: 50, per: DAY}}) { replayed } }",
    { id: projectId },
    asAdmin,
  );
  expect((await nextOf(ben)).task).toMatchObject({ task_id: "TASK-004" });
});
