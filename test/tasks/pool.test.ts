import { describe, expect, it } from "vitest";
import { archiveProject } from "../../src/projects/archive.ts";
import { pauseProject } from "../../src/projects/pause.ts";
import { updateProject } from "../../src/projects/update.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { connectTools } from "../mcp/connect.ts";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

const shared = shareServer();

const IDLE = "idle { message pending retryAt reasons { reason count } }";
const CLAIM = `mutation ($input: ClaimNextTaskInput!) { claimNextTask(input: $input) {
  task { projectId taskId } attempt ${IDLE} } }`;
const LOOK = `query ($projectId: ID, $projects: [ID!], $labels: [String!], $kinds: [TaskKind!], $skills: [String!], $maxEstimate: Float) {
  nextTask(projectId: $projectId, projects: $projects, labels: $labels, kinds: $kinds, skills: $skills, maxEstimate: $maxEstimate) {
    task { projectId taskId } ${IDLE} } }`;
const ADD = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";
const NEXT = `mutation ($input: CompleteAndClaimNextInput!) { completeAndClaimNext(input: $input) {
  completed { status } task { projectId taskId } ${IDLE} } }`;

interface Claimed {
  readonly task: { readonly projectId: string; readonly taskId: string } | null;
  readonly attempt: string;
}

/** A project of these tasks. */
async function projectOf(tasks: readonly object[]): Promise<TestProject> {
  const project = await makeProject(shared.server, []);
  const { projectId, ask } = project;
  if (tasks.length > 0)
    await ask(ADD, { input: { projectId, tasks: tasks.map((task) => ({ description: "work", ...task })) } });
  return project;
}

/** A claim; what `nextTask` shows is what it then takes. */
async function claim(input: object): Promise<Claimed> {
  const { nextTask } = await shared.server.ask<{ nextTask: object }>(LOOK, input);
  const { claimNextTask } = await shared.server.ask<{ claimNextTask: Claimed }>(CLAIM, { input });
  expect(claimNextTask).toMatchObject(nextTask);
  return claimNextTask;
}

const took = ({ projectId }: TestProject, taskId: string) => ({ task: { projectId, taskId } });
const idle = (...reasons: object[]) => ({ task: null, idle: { reasons } });

describe("a claim of several projects", () => {
  it("takes the best priority, then of the project with the fewest tasks in progress, then by the queue", async () => {
    const one = await projectOf([{}, {}, {}, { priority: 4 }]);
    const two = await projectOf([{}, {}, { priority: 0 }]);
    const projects = [one.projectId, two.projectId];
    expect(await claim({ projects })).toMatchObject(took(two, "TASK-003"));
    expect(await claim({ projects })).toMatchObject(took(one, "TASK-001"));
    // One each: the queue decides.
    expect(await claim({ projects })).toMatchObject(took(one, "TASK-002"));
    expect(await claim({ projects })).toMatchObject(took(two, "TASK-001"));
    expect(await claim({ projects })).toMatchObject(took(one, "TASK-003"));
    expect(await claim({ projects })).toMatchObject(took(two, "TASK-002"));
    expect(await claim({ projects: [...projects, ...projects] })).toMatchObject(took(one, "TASK-004"));
    expect(await claim({ projects })).toMatchObject(idle({ reason: "HELD", count: 7 }));
  });

  it("is refused for one that the key does not see as for one that is not there, and takes nothing", async () => {
    const seen = await projectOf([{}]);
    const hidden = await projectOf([{}]);
    const { secret } = await shared.server.makeKey({ name: "limited", projectIds: [seen.projectId] });
    for (const [other, key] of [
      [hidden.projectId, secret],
      ["no-such-project", secret],
      ["no-such-project", shared.server.agentKey],
    ] as const) {
      const projects = [seen.projectId, other];
      for (const [document, variables] of [
        [CLAIM, { input: { projects } }],
        [LOOK, { projects }],
      ] as const)
        expect((await shared.server.gql(document, variables, { key })).errors).toMatchObject([
          { message: expect.stringContaining(`Project ${other} not found`), extensions: { code: "PROJECT_NOT_FOUND" } },
        ]);
    }
    expect(await claim({ projectId: seen.projectId })).toMatchObject(took(seen, "TASK-001"));
  });

  it("leaves out projects that are paused, archived or at their limit, and counts them", async () => {
    const t = await verbTest();
    for (const projectId of ["paused", "archived", "full", "open"]) await seedTasks(t, projectId, 2);
    const admin = t.as({ role: "admin" });
    await claimNextTask(t.as(), { projectId: "full" });
    await updateProject(admin, { projectId: "full", maxInProgress: 1 });
    await pauseProject(admin, { projectId: "paused" });
    await archiveProject(admin, { projectId: "archived" });
    const projects = ["paused", "archived", "full", "open"];
    const claims = [0, 1].map(() => claimNextTask(t.as(), { projects }));
    expect((await Promise.all(claims)).map(({ taken }) => taken?.projectId)).toEqual(["open", "open"]);
    const { idle: why } = await claimNextTask(t.as(), { projects });
    expect(why?.reasons).toEqual(
      expect.arrayContaining(
        ["project_paused", "project_archived", "project_at_limit"].map((reason) => ({ reason, count: 1 })),
      ),
    );
    expect(why?.message).toContain("Project paused is paused");
    const archived = claimNextTask(t.as(), { projects: ["archived"] });
    await expect(archived).rejects.toThrow("is archived");
  });

  it("asks for one way to say which projects, and for no more than it can look through", async () => {
    const { projectId } = await projectOf([]);
    for (const input of [
      {},
      { projectId, projects: [projectId] },
      { projects: [] },
      { projects: Array.from({ length: 101 }, (_, i) => `p-${i}`) },
      { projectId, maxEstimate: -1 },
      { projectId, labels: Array.from({ length: 51 }, (_, i) => `label-${i}`) },
      { projectId, labels: [" "] },
    ])
      expect([input, (await shared.server.gql(CLAIM, { input })).errors]).toMatchObject([
        input,
        [{ extensions: { code: "BAD_USER_INPUT" } }],
      ]);
  });

  it("gives each of many callers a task of its own, whatever others claim, and spreads them over the projects", async () => {
    const t = await verbTest();
    const projects = Array.from({ length: 10 }, (_, i) => `p${i}`);
    for (const projectId of projects) await seedTasks(t, projectId, 20);
    const claims = Array.from({ length: 150 }, (_, i) =>
      claimNextTask(
        t.as({ client: `s${i % 7}` }),
        i % 3 === 0 ? { projectId: `p${i % 10}` } : { projects, worker: `w${i}` },
      ),
    );
    const taken = (await Promise.all(claims)).map(({ taken }) => taken && `${taken.projectId}/${taken.taskId}`);
    expect(taken).not.toContain(null);
    expect(new Set(taken).size).toBe(150);
    const { rows } = await t.owner.query<{ held: number }>(
      "SELECT count(*)::int AS held FROM tasks WHERE status = 'in_progress' GROUP BY project_id",
    );
    expect(rows).toHaveLength(10);
    const rest = Array.from({ length: 60 }, () => claimNextTask(t.as(), { projects }));
    expect((await Promise.all(rest)).filter(({ taken }) => taken)).toHaveLength(50);
  });

  it("gives its answer again under its key, and keeps what is meant for a worker for that one", async () => {
    const one = await projectOf([{ assignedTo: "anna", priority: 0 }]);
    const two = await projectOf([{}]);
    const input = { projects: [one.projectId, two.projectId], worker: "ben", idempotencyKey: "pool" };
    const first = await shared.server.ask<{ claimNextTask: Claimed }>(CLAIM, { input });
    expect(first.claimNextTask).toMatchObject(took(two, "TASK-001"));
    expect(await shared.server.ask(CLAIM, { input })).toEqual(first);
    const asked = ["anna", "carl", "dora"].map((worker) =>
      shared.server.ask<{ claimNextTask: Claimed }>(CLAIM, { input: { projects: input.projects, worker } }),
    );
    const answers = (await Promise.all(asked)).map(({ claimNextTask }) => claimNextTask.task?.taskId ?? null);
    expect(answers).toEqual(["TASK-001", null, null]);
  });
});

describe("a claim that asks for some tasks only", () => {
  it("takes those that have all the labels, and says how many it left out", async () => {
    const project = await projectOf([{ labels: ["ui"] }, { labels: ["ui", "urgent"], priority: 4 }]);
    const { projectId } = project;
    expect(await claim({ projectId, labels: ["urgent", "ui"] })).toMatchObject(took(project, "TASK-002"));
    expect(await claim({ projectId, labels: ["urgent"] })).toMatchObject(
      idle({ reason: "HELD", count: 1 }, { reason: "FILTERED_OUT", count: 1 }),
    );
    expect(await claim({ projectId })).toMatchObject(took(project, "TASK-001"));
  });

  it("takes only the kinds that it names: also those that are not handed out unasked", async () => {
    const metadata = { token_budget: 1000, prompts_count: 0, yaml_frontmatter: { schema_version: "1" } };
    const project = await projectOf([{}, { kind: "SESSION", metadata }, { kind: "RESEARCH" }]);
    const { projectId } = project;
    expect(await claim({ projectId, kinds: ["SESSION", "RESEARCH"] })).toMatchObject(took(project, "TASK-002"));
    expect(await claim({ projectId, kinds: ["RESEARCH"] })).toMatchObject(took(project, "TASK-003"));
    expect(await claim({ projectId, kinds: ["RESEARCH"] })).toMatchObject({
      task: null,
      idle: { reasons: expect.arrayContaining([{ reason: "KIND_NOT_ASKED", count: 2 }]) },
    });
    expect(await claim({ projectId })).toMatchObject(took(project, "TASK-001"));
  });

  it("takes only what is estimated, and at most so long", async () => {
    const hours = (estimated_hours: number) => ({ metadata: { estimated_hours } });
    const project = await projectOf([{}, hours(8), hours(2.5)]);
    const { projectId } = project;
    expect(await claim({ projectId, maxEstimate: 2.4 })).toMatchObject(idle({ reason: "FILTERED_OUT", count: 3 }));
    expect(await claim({ projectId, maxEstimate: 2.5 })).toMatchObject(took(project, "TASK-003"));
    // A text of plain SQL is no estimate.
    await shared.owner.query(
      `UPDATE tasks SET metadata = '{"estimated_hours": "soon"}' WHERE project_id = $1 AND task_id = 'TASK-001'`,
      [projectId],
    );
    expect(await claim({ projectId, maxEstimate: 10 })).toMatchObject(took(project, "TASK-002"));
  });

  it("is served by completeAndClaimNext too, from other projects, both or neither", async () => {
    const one = await projectOf([{}, {}]);
    const two = await projectOf([{ labels: ["ui"], skills: ["css"] }]);
    const { attempt } = await claim({ projectId: one.projectId });
    const input = { projectId: one.projectId, taskId: "TASK-001", attempt };
    const pool = [one.projectId, two.projectId];
    const refused = await shared.server.gql(NEXT, { input: { ...input, next: { projects: [...pool, "no-such"] } } });
    expect(refused.errors).toMatchObject([{ extensions: { code: "PROJECT_NOT_FOUND" } }]);
    const next = { projects: pool, labels: ["ui"], skills: ["css"] };
    expect(await shared.server.ask(NEXT, { input: { ...input, next } })).toMatchObject({
      completeAndClaimNext: { completed: { status: "COMPLETED" }, ...took(two, "TASK-001") },
    });
    const again = await claim({ projectId: one.projectId });
    const filtered = { ...input, taskId: "TASK-002", attempt: again.attempt, next: { labels: ["ui"] } };
    expect(await shared.server.ask(NEXT, { input: filtered })).toMatchObject({
      completeAndClaimNext: { completed: { status: "COMPLETED" }, ...idle() },
    });
  });
});

it("lets an agent claim from several projects by get_next_task", async () => {
  const one = await projectOf([{}]);
  const two = await projectOf([{ priority: 0 }]);
  const { url, agentKey } = shared.server;
  await using tools = await connectTools({ url, agentKey, defaultProject: one.projectId });
  const call = async (args: object) => {
    const result = await tools.client.callTool({ name: "get_next_task", arguments: { ...args } });
    return result.isError ? String(JSON.stringify(result.content)) : result.structuredContent;
  };
  const project_ids = [one.projectId, two.projectId];
  const task = { task_id: "TASK-001", project_id: two.projectId };
  expect(await call({ project_ids, claim: false })).toMatchObject({ task });
  expect(await call({ project_ids })).toMatchObject({ task });
  expect(await call({ project_ids, project_id: one.projectId })).toContain("not both");
});
