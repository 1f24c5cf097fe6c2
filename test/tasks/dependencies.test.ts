import { beforeAll, describe, expect, it } from "vitest";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";

const shared = shareServer();

interface Key {
  readonly projectId: string;
  readonly taskId: string;
}

const ADD = `mutation ($input: AddDependencyInput!) { addDependency(input: $input) {
  added task { taskId blockedBy { projectId taskId } } dependsOn { projectId taskId } } }`;
const REMOVE = `mutation ($input: RemoveDependencyInput!) { removeDependency(input: $input) {
  removed task { blockedBy { taskId } } } }`;
const OF = `query ($projectId: ID!, $taskId: ID!, $first: Int, $after: ID) { task(projectId: $projectId, taskId: $taskId) {
  version blockedByHidden blockedBy(first: $first, after: $after) { id projectId taskId } blocks { projectId taskId }
  related { totalCount nodes { kind outgoing task { projectId taskId } } } } }`;

interface Task {
  readonly version: number;
  readonly blockedByHidden: boolean;
  readonly blockedBy: (Key & { readonly id: string })[];
  readonly blocks: Key[];
  readonly related: { totalCount: number; nodes: { kind: string; outgoing: boolean; task: Key }[] };
}

let alpha: TestProject;
let beta: TestProject;
beforeAll(async () => {
  alpha = await makeProject(shared.server, []);
  beta = await makeProject(shared.server, []);
});

/** A task of its own for each name. */
async function tasksIn({ projectId }: TestProject, count: number): Promise<Key[]> {
  const { addTasks } = await shared.server.ask<{ addTasks: { taskIds: string[] } }>(
    "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }",
    { input: { projectId, tasks: Array.from({ length: count }, () => ({ description: "work" })) } },
  );
  return addTasks.taskIds.map((taskId) => ({ projectId, taskId }));
}

/** So many tasks of alpha; a test that takes more than it makes fails. */
async function made<const Names extends readonly string[]>(...names: Names): Promise<Record<Names[number], Key>> {
  const keys = await tasksIn(alpha, names.length);
  return Object.fromEntries(names.map((name, i) => [name, keys[i]])) as Record<Names[number], Key>;
}

const add = (task: Key, dependsOn: Key, kind?: string) =>
  shared.server.gql<{ addDependency: { added: boolean; task: Task } }>(ADD, { input: { ...task, dependsOn, kind } });
const of = async (task: Key, page: object = {}, from: Pick<TestProject, "ask"> = shared.server) =>
  (await from.ask<{ task: Task }>(OF, { ...task, ...page })).task;

/** What the log tells of a task, without its creation. */
async function told({ projectId, taskId }: Key): Promise<{ type: string; payload: object }[]> {
  const { task } = await shared.server.ask<{ task: { history: { events: { type: string; payload: object }[] } } }>(
    "query ($projectId: ID!, $taskId: ID!) { task(projectId: $projectId, taskId: $taskId) { history { events { type payload } } } }",
    { projectId, taskId },
  );
  return task.history.events.slice(1);
}

it("shows a dependency from both ends, whatever its project, and tells each project of it once", async () => {
  const { a, b } = await made("a", "b");
  const [other] = await tasksIn(beta, 1);
  if (!other) throw new Error("no task was made");
  const before = await of(a);
  expect(await add(a, b)).toMatchObject({ data: { addDependency: { added: true, task: { blockedBy: [b] } } } });
  expect(await add(a, other)).toMatchObject({ data: { addDependency: { added: true } } });
  expect(await add(a, other)).toMatchObject({ data: { addDependency: { added: false } } });
  const task = await of(a);
  expect(new Set(task.blockedBy.map(({ taskId, projectId }) => `${projectId}/${taskId}`))).toEqual(
    new Set([b, other].map(({ taskId, projectId }) => `${projectId}/${taskId}`)),
  );
  expect((await of(b)).blocks).toEqual([a]);
  expect((await of(other)).blocks).toEqual([a]);
  expect(task.version).toBe(before.version);
  const { taskId } = a;
  expect(await told(a)).toEqual([
    { type: "task.blocked", payload: { status: "PENDING", worker: null, leaseExpiresAt: null } },
    { type: "task.dependency_added", payload: { kind: "BLOCKS", taskId, dependsOn: b.taskId } },
    { type: "task.dependency_added", payload: { kind: "BLOCKS", taskId, dependsOn: null } },
  ]);
  expect(await told(other)).toEqual([
    { type: "task.dependency_added", payload: { kind: "BLOCKS", taskId: null, dependsOn: other.taskId } },
  ]);
});

it("pages what a task waits for", async () => {
  const { a, b, c, d } = await made("a", "b", "c", "d");
  for (const one of [d, b, c]) await add(a, one);
  const first = await of(a, { first: 2 });
  expect(first.blockedBy).toMatchObject([b, c]);
  const next = await of(a, { first: 2, after: first.blockedBy[1]?.id });
  expect(next.blockedBy).toMatchObject([d]);
  const { errors } = await shared.server.gql(OF, { ...a, after: Buffer.from("Project:alpha").toString("base64") });
  expect(errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
});

it("relates tasks in both directions without letting one wait", async () => {
  const { a, b } = await made("a", "b");
  await add(a, b, "RELATES_TO");
  await add(b, a, "DISCOVERED_FROM");
  expect(await of(a)).toMatchObject({
    blockedBy: [],
    related: {
      totalCount: 2,
      nodes: [
        { kind: "DISCOVERED_FROM", outgoing: false, task: b },
        { kind: "RELATES_TO", outgoing: true, task: b },
      ],
    },
  });
  const { rows } = await shared.owner.query(
    "SELECT bool_and(unblocked) AS unblocked FROM tasks WHERE project_id = $1 AND task_id = ANY ($2)",
    [alpha.projectId, [a.taskId, b.taskId]],
  );
  expect(rows).toEqual([{ unblocked: true }]);
});

it("blocks until the last blocker is completed or deleted, and again when one is opened again", async () => {
  const { a, b, c } = await made("a", "b", "c");
  await add(a, b);
  await add(a, c);
  const status = (task: Key, status: string, more = "") =>
    shared.server.ask(
      `mutation ($projectId: ID!, $taskId: ID!) { updateTaskStatus(input: {projectId: $projectId, taskId: $taskId, status: ${status}${more}}) { attempt } }`,
      { projectId: task.projectId, taskId: task.taskId },
    );
  await status(b, "IN_PROGRESS");
  await status(b, "COMPLETED");
  await shared.server.ask(
    "mutation ($projectId: ID!, $taskId: ID!) { deleteTask(input: {projectId: $projectId, taskId: $taskId}) { replayed } }",
    { projectId: c.projectId, taskId: c.taskId },
  );
  await status(b, "PENDING", ", reset: true");
  const types = (await told(a)).map(({ type }) => type).filter((type) => type !== "task.dependency_added");
  expect(types).toEqual(["task.blocked", "task.unblocked", "task.blocked"]);
  expect((await of(a)).blockedBy).toMatchObject([b]);
});

it("takes a dependency back, once", async () => {
  const { a, b } = await made("a", "b");
  await add(a, b);
  const remove = () => shared.server.ask(REMOVE, { input: { ...a, dependsOn: { taskId: b.taskId } } });
  expect(await remove()).toEqual({ removeDependency: { removed: true, task: { blockedBy: [] } } });
  expect(await remove()).toEqual({ removeDependency: { removed: false, task: { blockedBy: [] } } });
  expect((await told(a)).map(({ type }) => type)).toEqual([
    "task.blocked",
    "task.dependency_added",
    "task.unblocked",
    "task.dependency_removed",
  ]);
});

describe("a circle", () => {
  it("is refused with its tasks named, and what the caller does not see is not", async () => {
    const { a, b } = await made("a", "b");
    const [other] = await tasksIn(beta, 1);
    if (!other) throw new Error("no task was made");
    expect((await add(a, other)).errors).toBeUndefined();
    expect((await add(other, b)).errors).toBeUndefined();
    const { errors } = await add(b, a);
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining(
          `in a circle: ${b.taskId} → ${a.taskId} → ${other.projectId}/${other.taskId} → ${b.taskId}.`,
        ),
        extensions: { code: "DEPENDENCY_CYCLE", circle: [b, a, other, b] },
      },
    ]);
    const limited = await alpha.gql(ADD, { input: { ...b, dependsOn: a } });
    expect(limited.errors).toMatchObject([
      {
        message: expect.stringContaining(`${b.taskId} → ${a.taskId} → a task of another project → ${b.taskId}.`),
        extensions: { circle: [b, a, null, b] },
      },
    ]);
    expect(JSON.stringify(limited)).not.toContain(other.projectId);
  });

  it("of a task with itself, or with its parent, is refused", async () => {
    const { parent } = await made("parent");
    const { addTasks } = await shared.server.ask<{ addTasks: { taskIds: string[] } }>(
      "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }",
      { input: { projectId: alpha.projectId, tasks: [{ description: "part", parentTaskId: parent.taskId }] } },
    );
    const child = { projectId: alpha.projectId, taskId: addTasks.taskIds[0] ?? "" };
    expect((await add(parent, parent)).errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    expect((await add(child, parent)).errors).toMatchObject([{ extensions: { code: "DEPENDENCY_CYCLE" } }]);
    expect((await add(parent, child)).errors).toBeUndefined();
  });

  it("is refused also when two transactions close it together, whatever the projects", async () => {
    const own = await tasksIn(alpha, 40);
    const others = await tasksIn(beta, 40);
    const key = (keys: readonly Key[], place: number) => keys[place] ?? { projectId: "", taskId: "" };
    const circles = Array.from({ length: 20 }, (_, i) => ({
      ...{ a: key(own, 2 * i), b: key(others, 2 * i) },
      ...{ c: key(own, 2 * i + 1), d: key(others, 2 * i + 1) },
    }));
    const given = await Promise.all(circles.flatMap(({ a, b, c, d }) => [add(b, c), add(d, a)]));
    expect(given.flatMap(({ errors = [] }) => errors)).toEqual([]);
    // The two that close it have no task in common, so that no lock of a task keeps them apart.
    const answers = await Promise.all(circles.flatMap(({ a, b, c, d }) => [add(a, b), add(c, d)]));
    const refused = answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions["code"]));
    expect(refused).toEqual(Array(20).fill("DEPENDENCY_CYCLE"));
  });
});

it("needs both ends visible, and tells who does not see the other end that something blocks", async () => {
  const { a } = await made("a");
  const [other] = await tasksIn(beta, 1);
  if (!other) throw new Error("no task was made");
  const foreign = await alpha.gql(ADD, { input: { ...a, dependsOn: other } });
  const unknown = await alpha.gql(ADD, { input: { ...a, dependsOn: { ...other, projectId: "nowhere" } } });
  expect([foreign.errors, unknown.errors].map((errors) => errors?.[0]?.extensions["code"])).toEqual([
    "PROJECT_NOT_FOUND",
    "PROJECT_NOT_FOUND",
  ]);
  expect(await of(a, {}, alpha)).toMatchObject({ blockedByHidden: false });
  await add(a, other);
  expect(await of(a, {}, alpha)).toMatchObject({ blockedBy: [], blockedByHidden: true });
  expect(await of(a)).toMatchObject({ blockedByHidden: false });
  expect(await of(other, {}, beta)).toMatchObject({ blocks: [] });
});

it("shows, counts and frees nothing of projects that the caller does not see", async () => {
  const { a, b } = await made("a", "b");
  const [other] = await tasksIn(beta, 1);
  if (!other) throw new Error("no task was made");
  await add(a, other, "RELATES_TO");
  await add(other, a, "DISCOVERED_FROM");
  expect(await of(a)).toMatchObject({ related: { totalCount: 2, nodes: [{ task: other }, { task: other }] } });
  expect(await of(a, {}, alpha)).toMatchObject({ related: { totalCount: 0, nodes: [] } });

  const remove = async (task: Key, from: Pick<TestProject, "ask">) =>
    (
      await from.ask<{ deleteTask: { becameReady: Key[] } }>(
        "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { becameReady { projectId taskId } } }",
        { input: task },
      )
    ).deleteTask.becameReady;
  await add(other, b);
  expect(await remove(b, alpha)).toEqual([]);
  await add(other, a);
  expect(await remove(a, shared.server)).toEqual([other]);
});

it("counts a blocker that is completed while the dependency is added by plain SQL, once or not at all", async () => {
  const { a, b } = await made("a", "b");
  const other = await shared.server.database.pool.connect();
  try {
    await other.query("BEGIN");
    await other.query("UPDATE tasks SET status = 'completed' WHERE project_id = $1 AND task_id = $2", [
      b.projectId,
      b.taskId,
    ]);
    const added = shared.owner.query(
      "INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id) VALUES ($1, $2, $1, $3)",
      [a.projectId, a.taskId, b.taskId],
    );
    await other.query("COMMIT");
    await added;
  } finally {
    other.release();
  }
  const { rows } = await shared.owner.query("SELECT open_blockers FROM tasks WHERE project_id = $1 AND task_id = $2", [
    a.projectId,
    a.taskId,
  ]);
  expect(rows).toEqual([{ open_blockers: 0 }]);
});
