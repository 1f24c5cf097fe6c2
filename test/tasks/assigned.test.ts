import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();

const ADD = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";
const CLAIM = `mutation ($input: ClaimNextTaskInput!) { claimNextTask(input: $input) {
  task { taskId } attempt idle { retryAt reasons { reason count } } } }`;
const LOOK = `query ($projectId: ID!, $worker: String, $skills: [String!]) {
  nextTask(projectId: $projectId, worker: $worker, skills: $skills) { task { taskId } idle { reasons { reason count } } } }`;
const STATUS = "mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { attempt } }";

interface Claimed {
  readonly claimNextTask: { task: { taskId: string } | null; attempt: string | null };
}

/** A project of these tasks, and claims in it: what `nextTask` shows is what the claim then takes. */
async function projectOf(tasks: readonly object[]) {
  const { projectId, ask, gql } = await makeProject(shared.server, []);
  await ask(ADD, { input: { projectId, tasks: tasks.map((task) => ({ description: "work", ...task })) } });
  const claim = async (worker: string, skills?: readonly string[]) => {
    const { nextTask } = await ask<{ nextTask: object }>(LOOK, { projectId, worker, skills });
    const { claimNextTask } = await ask<Claimed>(CLAIM, { input: { projectId, worker, skills } });
    expect(claimNextTask).toMatchObject(nextTask);
    return claimNextTask;
  };
  return { projectId, ask, gql, claim };
}
const idle = (...reasons: object[]) => ({ task: null, idle: { reasons } });
const taken = (taskId: string) => ({ task: { taskId }, idle: null });

it("hands out a task only to a claim that names all the skills that it requires", async () => {
  const { claim } = await projectOf([{ skills: ["go", "sql"], priority: 0 }, {}]);
  expect(await claim("anna", ["go", "rust"])).toMatchObject(taken("TASK-002"));
  expect(await claim("anna")).toMatchObject(idle({ reason: "HELD", count: 1 }, { reason: "SKILLS_MISSING", count: 1 }));
  expect(await claim("ben", ["sql", "rust", "go"])).toMatchObject(taken("TASK-001"));
});

it("keeps an assigned task for its worker, who takes it in its place among the others", async () => {
  const { claim } = await projectOf([
    { assignedTo: "anna", priority: 1 },
    { priority: 0 },
    { assignedTo: "anna", priority: 3 },
    {},
  ]);
  for (const taskId of ["TASK-002", "TASK-001", "TASK-004"]) expect(await claim("anna")).toMatchObject(taken(taskId));
  expect(await claim("ben")).toMatchObject(idle({ reason: "HELD", count: 3 }, { reason: "ASSIGNED", count: 2 }));
  expect(await claim("anna")).toMatchObject(taken("TASK-003"));
});

it("hands out an assigned task again after its lease only to its worker, and tells others no time to ask again", async () => {
  const { projectId, ask, claim } = await projectOf([{ assignedTo: "anna" }]);
  expect(await claim("anna")).toMatchObject(taken("TASK-001"));
  expect(await ask(CLAIM, { input: { projectId, worker: "ben" } })).toMatchObject({
    claimNextTask: { idle: { retryAt: null } },
  });
  await shared.owner.query("UPDATE tasks SET lease_expires_at = docket_now() - interval '1 s' WHERE project_id = $1", [
    projectId,
  ]);
  expect(await claim("ben")).toMatchObject(idle({ reason: "ASSIGNED", count: 1 }));
  expect(await claim("anna")).toMatchObject(taken("TASK-001"));
});

it("gives each of many workers that ask at once what is kept for it, and nobody what is kept for another", async () => {
  const workers = Array.from({ length: 30 }, (_, i) => `worker-${i}`);
  const { projectId, ask } = await projectOf([
    ...Array.from({ length: 20 }, () => ({ priority: 1 })),
    ...workers.slice(0, 10).map((worker) => ({ assignedTo: worker, priority: 0 })),
    ...workers.slice(10, 15).map((worker) => ({ assignedTo: worker, priority: 4 })),
    { assignedTo: "nobody", priority: 0 },
  ]);
  const claims = await Promise.all(workers.map((worker) => ask<Claimed>(CLAIM, { input: { projectId, worker } })));
  const { rows } = await shared.owner.query<{ assigned: string | null; worker: string }>(
    "SELECT assigned_to AS assigned, claimed_by AS worker FROM tasks WHERE project_id = $1 AND status = 'in_progress'",
    [projectId],
  );
  expect(claims.every(({ claimNextTask }) => claimNextTask.task !== null)).toBe(true);
  expect(rows).toHaveLength(30);
  expect(rows.filter(({ assigned, worker }) => assigned !== null && assigned !== worker)).toEqual([]);
  expect(rows.filter(({ assigned }) => assigned !== null).map(({ worker }) => worker)).toEqual(
    expect.arrayContaining(workers.slice(0, 10)),
  );
});

it("refuses a claim by status of what is kept for another or requires more, and explains which claims take it", async () => {
  const { projectId, ask, gql } = await projectOf([{ assignedTo: "anna", skills: ["go"] }]);
  const { task } = await ask<{ task: object }>(
    'query ($projectId: ID!) { task(projectId: $projectId, taskId: "TASK-001") { explainReady { reason message } } }',
    { projectId },
  );
  expect(task).toEqual({
    explainReady: [
      { reason: "SKILLS_MISSING", message: expect.stringContaining("go") },
      { reason: "ASSIGNED", message: expect.stringContaining("anna") },
    ],
  });
  const claim = (more: object) =>
    gql(STATUS, { input: { projectId, taskId: "TASK-001", status: "IN_PROGRESS", ...more } });
  for (const [more, reason] of [
    [{ worker: "anna" }, "SKILLS_MISSING"],
    [{ worker: "ben", skills: ["go"] }, "ASSIGNED"],
  ] as const)
    expect((await claim(more)).errors).toMatchObject([{ extensions: { code: "NOT_READY", reasons: [{ reason }] } }]);
  expect((await claim({ worker: "anna", skills: ["go"] })).errors).toBeUndefined();
});

it("takes by completeAndClaimNext what the named skills allow", async () => {
  const { projectId, ask, claim } = await projectOf([{ priority: 0 }, { skills: ["go"] }]);
  const { attempt } = await claim("anna");
  const { completeAndClaimNext } = await ask<{ completeAndClaimNext: object }>(
    "mutation ($input: CompleteAndClaimNextInput!) { completeAndClaimNext(input: $input) { task { taskId } idle { message } } }",
    { input: { projectId, taskId: "TASK-001", attempt, next: { skills: ["go"] } } },
  );
  expect(completeAndClaimNext).toEqual(taken("TASK-002"));
});

it("refuses more skills than a task can require", async () => {
  const { projectId, gql } = await projectOf([{}]);
  const skills = Array.from({ length: 51 }, (_, i) => `skill-${i}`);
  for (const given of [skills, [" "], ["x".repeat(101)]])
    expect((await gql(CLAIM, { input: { projectId, skills: given } })).errors).toMatchObject([
      { extensions: { code: "BAD_USER_INPUT" } },
    ]);
});
