import { type GraphQLField, getNamedType, getNullableType, isListType, isObjectType } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

type Field = GraphQLField<unknown, unknown>;

const fields = Object.values(schema.getTypeMap())
  .filter((type) => isObjectType(type) && !type.name.startsWith("__"))
  .flatMap((type) => (isObjectType(type) ? Object.values(type.getFields()) : []).map((field) => ({ type, field })));

const takes = ({ args }: Field, ...names: string[]) => names.every((name) => args.some((arg) => arg.name === name));

/** Types that are only ever a page: every field that answers one takes the size of it. */
const isPage = (name: string) => {
  const answering = fields.filter(({ field }) => getNamedType(field.type).name === name);
  return answering.length > 0 && answering.every(({ field }) => takes(field, "first", "after"));
};

it("pages every list of objects, and says of each that has no page how many entries it counts as", () => {
  const lists = fields.filter(
    ({ field }) => isListType(getNullableType(field.type)) && isObjectType(getNamedType(field.type)),
  );
  const unpaged = lists.filter(({ type, field }) => !takes(field, "first", "after") && !isPage(type.name));
  expect(
    Object.fromEntries(
      unpaged.map(({ type, field: { name, extensions } }) => [
        `${type.name}.${name}`,
        extensions["listOf"] ?? extensions["listSize"],
      ]),
    ),
  ).toStrictEqual({
    // One for each that is given.
    "AddTasksPayload.keys": "tasks",
    "AddTasksPayload.tasks": "tasks",
    // What one call holds, and the latest that one task left.
    "ClaimNextTaskPayload.holding": 100,
    "CompleteAndClaimNextPayload.holding": 100,
    "NextTaskPayload.holding": 100,
    "UpdateTaskStatusPayload.holding": 100,
    "UpdateTaskStatusPayload.becameReady": 100,
    "UpdateTaskStatusPayload.heldDependents": 100,
    "CompleteAndClaimNextPayload.becameReady": 100,
    "DeleteTaskPayload.becameReady": 100,
    "Briefing.attempts": 50,
    "Idle.reasons": 0,
    "Task.explainReady": 0,
    "Task.ancestors": 0,
    "Task.descendantCounts": 0,
    // At most 2,000 of all that an operation asks for.
    "Task.subtree": 0,
    // At most so many of whatever a project has.
    "CriticalPath.tasks": 1_000,
    "ProjectGraph.nodes": 1_000,
    "ProjectGraph.edges": 5_000,
    "UpdateTasksPayload.tasks": 1_000,
    // A frame.
    "EventFrame.events": 100,
    "ProjectStatusFrame.projects": 100,
    // Statistics, which refuse more.
    "Query.projectTrends": 2_000,
    "Query.taskCounts": 1_000,
    "Query.usage": 2_000,
    // At most 10 projects are reported, with so many of each.
    "StatusReport.projects": 10,
    "ProjectReport.vendors": 50,
    "ProjectReport.deployments": 50,
    "ProjectReport.openItems": 200,
    "ProjectReport.enhancements": 50,
    "Task.reminders": 1,
    "ProjectReport.sessions": 10,
    "ProjectReport.itemCounts": 0,
    // Each worker, with the latest that it did.
    "Query.digest": 100,
    "WorkerDigest.added": 20,
    "WorkerDigest.completed": 20,
    "WorkerDigest.failed": 20,
    // So many tasks are reverted at once.
    "RevertChangesPayload.reverted": 1_000,
    "RevertChangesPayload.conflicts": 1_000,
    "RevertedTask.changes": 0,
    // Small, and read together with what they belong to.
    "Event.changes": 0,
    "Project.taskCounts": 0,
    "Query.statusCounts": 0,
    "Query.jobs": 10,
    "Job.steps": 0,
  });
});

describe("a list that has no cursors goes on", () => {
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => ({ number: from + i }));

  it("after the last attempt seen, and tells a worker of the latest ones only", async () => {
    const server = await startTestServer();
    await server.ask(
      'mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "work"}]}) { tasksAdded } }',
    );
    const owner = await connectOwner(server.test);
    await owner.query(`INSERT INTO task_attempts
        (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome, checkpoint)
      SELECT 'alpha', 'TASK-001', n, 'x', now(), now(), now(), 'released', CASE n WHEN 3 THEN '{"step": 3}'::jsonb END
      FROM generate_series(1, 120) n`);
    await owner.query("UPDATE tasks SET attempts = 120");
    const attempts = async (args: string) => {
      const { task } = await server.ask<{ task: { attempts: unknown[] } }>(
        `{ task(taskId: "TASK-001") { attempts${args} { number } } }`,
      );
      return task.attempts;
    };
    expect(await attempts("")).toEqual(numbers(1, 50));
    expect(await attempts("(first: 100, after: 50)")).toEqual(numbers(51, 120));
    expect(await attempts("(first: 0)")).toEqual([]);
    const latest = "orderBy: {field: NUMBER, direction: DESC}";
    expect(await attempts(`(${latest})`)).toEqual(numbers(71, 120).reverse());
    expect(await attempts(`(first: 100, after: 71, ${latest})`)).toEqual(numbers(1, 70).reverse());
    const { errors } = await server.gql('{ task(taskId: "TASK-001") { attempts(first: 101) { number } } }');
    expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
    const { claimNextTask } = await server.ask<{ claimNextTask: { briefing: unknown } }>(
      'mutation { claimNextTask(input: {projectId: "alpha"}) { briefing { attempts { number } checkpoint } } }',
    );
    expect(claimNextTask.briefing).toEqual({ attempts: numbers(71, 120), checkpoint: { step: 3 } });
  });

  it("after the last sequence seen, of one project or of each", async () => {
    const server = await startTestServer();
    const key = server.adminKey;
    for (const [projectId, artifactTypes] of Object.entries({ alpha: ["ZZ", "AA"], beta: ["AB"] }))
      await server.ask(
        `mutation ($input: CreateProjectInput!) { createProject(input: $input) { replayed } }`,
        { input: { projectId, name: "P", idNamespace: "shared", artifactTypes } },
        { key },
      );
    // A type of alpha's that beta does not number stands behind its own.
    await server.ask('mutation { takeId(input: {projectId: "alpha", artifactType: "ZZ"}) { id } }');
    const types = async (field: string) => {
      const data = await server.ask<Record<string, { artifactType: string }[]>>(`{ ${field} { artifactType } }`);
      return Object.values(data)[0]?.map(({ artifactType }) => artifactType);
    };
    const all = (await types('idRegistry(projectId: "beta")')) ?? [];
    expect(all.slice(-2)).toEqual(["AB", "ZZ"]);
    expect(await types('idRegistry(projectId: "beta", first: 3)')).toEqual(all.slice(0, 3));
    expect(await types(`idRegistry(projectId: "beta", after: "${all[2]}")`)).toEqual(all.slice(3));
    expect(await types('idRegistry(projectId: "beta", after: "ZZ")')).toEqual([]);
    const backwards = "orderBy: {field: PLACE, direction: DESC}";
    expect(await types(`idRegistry(projectId: "beta", ${backwards})`)).toEqual([...all].reverse());
    expect(await types(`idRegistry(projectId: "beta", first: 2, after: "${all[3]}", ${backwards})`)).toEqual([
      ...[all[2], all[1]],
    ]);
    const { projects } = await server.ask<{ projects: { nodes: { idRegistry: unknown[] }[] } }>(
      `{ projects { nodes { idRegistry(first: 100, after: "AB") { artifactType } } } }`,
    );
    // Alpha does not number AB, so that it stands behind all that alpha has.
    expect(projects.nodes.map(({ idRegistry }) => idRegistry)).toEqual([[], [{ artifactType: "ZZ" }]]);
  });
});
