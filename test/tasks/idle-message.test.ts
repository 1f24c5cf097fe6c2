import { expect, it } from "vitest";
import { connectTools } from "../mcp/connect.ts";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";

const shared = shareServer();

const ADD = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";
const PARK = "mutation ($input: ParkTaskInput!) { parkTask(input: $input) { replayed } }";
const LOOK = `query ($projects: [ID!]!, $kinds: [TaskKind!], $labels: [String!]) {
  nextTask(projects: $projects, kinds: $kinds, labels: $labels, worker: "bob") { task { taskId } idle { message } } }`;
const CLAIM = `mutation ($input: ClaimNextTaskInput!) { claimNextTask(input: $input) { task { taskId } } }`;

async function projectOf(...tasks: object[]): Promise<TestProject> {
  const project = await makeProject(shared.server, []);
  const input = {
    projectId: project.projectId,
    tasks: tasks.map((task) => ({ description: "work", ...task })),
  };
  if (tasks.length > 0) await project.ask(ADD, { input });
  return project;
}

async function messageOf(projects: readonly TestProject[], more: object = {}): Promise<string> {
  const found = await shared.server.ask<{ nextTask: { task: null; idle: { message: string } } }>(LOOK, {
    projects: projects.map(({ projectId }) => projectId),
    ...more,
  });
  expect(found.nextTask.task).toBeNull();
  return found.nextTask.idle.message;
}

const park = async ({ projectId, ask }: TestProject, ...taskIds: string[]) => {
  for (const taskId of taskIds) await ask(PARK, { input: { projectId, taskId, reason: "decide" } });
};

it("says what keeps the pending tasks back, how many of each, in GraphQL and to who asks by the tool", async () => {
  const project = await projectOf(
    ...[{ key: "a" }, {}, { assignedTo: "anna" }, { skills: ["go"] }, { kind: "SESSION" }],
    ...[{ key: "b", assignedTo: "anna" }, { dependsOn: ["a", "b"] }],
  );
  await park(project, "TASK-001", "TASK-002");
  const message =
    "No task is ready: 1 waiting for another task, 2 parked until somebody decides, " +
    "1 of a kind that is not asked for, 1 requiring skills that you did not name, 2 assigned to other workers.";
  expect(await messageOf([project])).toBe(message);
  const { call } = await connectTools({ ...project, defaultProject: project.projectId });
  for (const claim of [true, false])
    expect((await call("get_next_task", { worker: "bob", claim })).data).toMatchObject({ task: null, message });
});

it("says that nothing is pending only when nothing is, whatever is held", async () => {
  const empty = await projectOf();
  expect(await messageOf([empty])).toBe("No pending tasks for project");
  const held = await projectOf({ assignedTo: "anna" });
  await held.ask(CLAIM, { input: { projectId: held.projectId, worker: "anna" } });
  expect(await messageOf([held])).toBe("No pending tasks for project");
  expect(await messageOf([held, empty])).toBe("No pending tasks for projects.");
  await held.ask(ADD, { input: { projectId: held.projectId, tasks: [{ description: "x", labels: ["api"] }] } });
  expect(await messageOf([held], { labels: ["web"] })).toMatch(/^No task is ready: .*outside what you asked for/);
});

it("adds up several projects, beside what stops one of them", async () => {
  const [one, two, paused] = [await projectOf({}, {}), await projectOf({}), await projectOf({}, {})];
  await park(one, "TASK-001", "TASK-002");
  await park(two, "TASK-001");
  await park(paused, "TASK-001");
  expect(await messageOf([one, two])).toBe("No task is ready: 3 parked until somebody decides.");
  await shared.server.ask(
    "mutation ($input: PauseProjectInput!) { pauseProject(input: $input) { replayed } }",
    {
      input: { projectId: paused.projectId },
    },
    { key: shared.server.adminKey },
  );
  expect(await messageOf([one, two, paused])).toMatch(
    /^No task is ready: 3 parked until somebody decides\. Project \S+ is paused: /,
  );
  expect(await messageOf([await projectOf(), paused])).toMatch(
    /^No pending tasks in the other projects\. Project \S+ is paused: /,
  );
});
