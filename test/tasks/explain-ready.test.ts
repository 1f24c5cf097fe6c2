import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();

const EXPLAIN = `query ($projectId: ID!, $taskId: ID!) { task(projectId: $projectId, taskId: $taskId) {
  ready explainReady { reason message until task { projectId taskId } } } }`;
const CLAIM = `mutation ($projectId: ID!) { claimNextTask(input: {projectId: $projectId}) {
  task { taskId } idle { retryAt reasons { reason count } } } }`;

interface Explained {
  readonly task: {
    ready: boolean;
    explainReady: { reason: string; message: string; until: string | null; task: unknown }[];
  };
}

it.each([
  ["WAITING", "ready_at = '2999-01-01T00:00:00Z'", { until: "2999-01-01T00:00:00.000Z" }],
  [
    "PARKED",
    "parked_at = docket_now(), parked_reason = 'no database'",
    { message: expect.stringContaining("no database") },
  ],
  [
    "HELD",
    "status = 'in_progress', claimed_by = 'anna'",
    { message: expect.stringContaining("anna"), until: expect.any(String) },
  ],
  ["TEMPLATE", "is_template = true", {}],
  ["KIND_NOT_ASKED", "kind = 'session'", {}],
])("explains why a task is not handed out: %s", async (reason, set, more) => {
  const { projectId, ask } = await makeProject(shared.server, ["work"]);
  await shared.owner.query(`UPDATE tasks SET ${set} WHERE project_id = $1`, [projectId]);
  const { task } = await ask<Explained>(EXPLAIN, { projectId, taskId: "TASK-001" });
  expect(task).toMatchObject({ ready: false, explainReady: [{ reason, ...more }] });
  expect(task.explainReady[0]?.message.length).toBeGreaterThan(10);
  expect(await ask(CLAIM, { projectId })).toMatchObject({
    claimNextTask: { task: null, idle: { reasons: [{ reason, count: 1 }] } },
  });
});

it("hands out what waits for nothing, and names what the rest waits for", async () => {
  const { projectId, ask } = await makeProject(shared.server, ["first", "second"]);
  const other = await makeProject(shared.server, ["elsewhere"]);
  const add = (taskId: string, dependsOn: object) =>
    shared.server.ask("mutation ($input: AddDependencyInput!) { addDependency(input: $input) { added } }", {
      input: { projectId, taskId, dependsOn },
    });
  await add("TASK-001", { taskId: "TASK-002" });
  await add("TASK-001", { projectId: other.projectId, taskId: "TASK-001" });
  const { task } = await ask<Explained>(EXPLAIN, { projectId, taskId: "TASK-001" });
  expect(task.explainReady).toMatchObject([
    { reason: "BLOCKED", task: { projectId, taskId: "TASK-002" } },
    { reason: "BLOCKED", task: null },
  ]);
  expect(await ask(CLAIM, { projectId })).toMatchObject({
    claimNextTask: { task: { taskId: "TASK-002" }, idle: null },
  });
  expect(await ask(CLAIM, { projectId })).toMatchObject({
    claimNextTask: {
      task: null,
      idle: {
        retryAt: expect.any(String),
        reasons: [
          { reason: "BLOCKED", count: 1 },
          { reason: "HELD", count: 1 },
        ],
      },
    },
  });
  const done = "mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { replayed } }";
  await ask(done, { input: { projectId, taskId: "TASK-002", status: "COMPLETED" } });
  await other.ask(done, { input: { projectId: other.projectId, taskId: "TASK-001", status: "IN_PROGRESS" } });
  await other.ask(done, { input: { projectId: other.projectId, taskId: "TASK-001", status: "COMPLETED" } });
  expect(await ask<Explained>(EXPLAIN, { projectId, taskId: "TASK-001" })).toMatchObject({
    task: { ready: true, explainReady: [] },
  });
  expect(await ask(CLAIM, { projectId })).toMatchObject({ claimNextTask: { task: { taskId: "TASK-001" } } });
});

it("waits with a parent until its children are done, and says which", async () => {
  const { projectId, ask } = await makeProject(shared.server, ["whole"]);
  await ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }", {
    input: { projectId, tasks: [{ description: "part", parentTaskId: "TASK-001" }] },
  });
  expect(await ask(EXPLAIN, { projectId, taskId: "TASK-001" })).toMatchObject({
    task: { ready: false, explainReady: [{ reason: "HAS_OPEN_CHILDREN", task: { taskId: "TASK-002" } }] },
  });
  expect(await ask(CLAIM, { projectId })).toMatchObject({ claimNextTask: { task: { taskId: "TASK-002" } } });
});

const STATUS = `mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) {
  becameReady { taskId } heldDependents { taskId claimedBy } } }`;

it("refuses a claim by status of what is not ready, with the reasons, and lets it take a parent or a session", async () => {
  const { projectId, ask, gql } = await makeProject(shared.server, ["first", "second"]);
  await ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }", {
    input: {
      projectId,
      tasks: [
        { description: "part", parentTaskId: "TASK-002" },
        { description: "sitting", kind: "SESSION" },
      ],
    },
  });
  await ask("mutation ($input: AddDependencyInput!) { addDependency(input: $input) { added } }", {
    input: { projectId, taskId: "TASK-001", dependsOn: { taskId: "TASK-003" } },
  });
  const claim = (taskId: string) => gql(STATUS, { input: { projectId, taskId, status: "IN_PROGRESS" } });
  expect((await claim("TASK-001")).errors).toMatchObject([
    {
      message: expect.stringContaining("BLOCKED (TASK-003)"),
      extensions: { code: "NOT_READY", reasons: [{ reason: "BLOCKED", task: { projectId, taskId: "TASK-003" } }] },
    },
  ]);
  for (const taskId of ["TASK-002", "TASK-004"]) expect((await claim(taskId)).errors).toBeUndefined();
});

it("tells what became ready, and after a reset who works on what rests on the task", async () => {
  const { projectId, ask } = await makeProject(shared.server, ["first", "second", "third"]);
  for (const taskId of ["TASK-002", "TASK-003"])
    await ask("mutation ($input: AddDependencyInput!) { addDependency(input: $input) { added } }", {
      input: { projectId, taskId, dependsOn: { taskId: "TASK-001" } },
    });
  const status = (taskId: string, status: string, more: object = {}) =>
    ask(STATUS, { input: { projectId, taskId, status, worker: "anna", ...more } });
  await status("TASK-001", "IN_PROGRESS");
  expect(await status("TASK-001", "COMPLETED")).toEqual({
    updateTaskStatus: { becameReady: [{ taskId: "TASK-002" }, { taskId: "TASK-003" }], heldDependents: [] },
  });
  await status("TASK-002", "IN_PROGRESS");
  expect(await status("TASK-001", "PENDING", { reset: true })).toEqual({
    updateTaskStatus: { becameReady: [], heldDependents: [{ taskId: "TASK-002", claimedBy: "anna" }] },
  });
  expect(await ask(EXPLAIN, { projectId, taskId: "TASK-003" })).toMatchObject({
    task: { ready: false, explainReady: [{ reason: "BLOCKED" }] },
  });
  expect(
    await ask("mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { becameReady { taskId } } }", {
      input: { projectId, taskId: "TASK-001" },
    }),
  ).toEqual({ deleteTask: { becameReady: [{ taskId: "TASK-003" }] } });
});
