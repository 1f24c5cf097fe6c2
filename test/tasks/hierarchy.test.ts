import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();
const ADD = "mutation ($input: AddTasksInput!) { addTasks(input: $input) { taskIds } }";

/** A chain of tasks, each the parent of the next. */
async function chain(length: number) {
  const server = await makeProject(shared.server, []);
  const { projectId } = server;
  const add = (parentTaskId?: string) =>
    server.gql<{ addTasks: { taskIds: string[] } | null }>(ADD, {
      input: { projectId, tasks: [{ description: "part", parentTaskId }] },
    });
  const taskIds: string[] = [];
  for (let i = 0; i < length; i++) taskIds.push((await add(taskIds.at(-1))).data.addTasks?.taskIds[0] ?? "");
  return { server, projectId, add, taskIds };
}

it("refuses a child below the deepest level, and one of a parent that is not there", async () => {
  const { add, taskIds } = await chain(6);
  expect((await add(taskIds[5])).errors).toMatchObject([
    { message: "Cannot create child: parent depth 5 is at maximum (5)", extensions: { code: "BAD_USER_INPUT" } },
  ]);
  expect((await add("TASK-999")).errors).toMatchObject([
    { message: "Parent task TASK-999 not found", extensions: { code: "BAD_USER_INPUT" } },
  ]);
});

it("shows what lies above and below a task", async () => {
  const { server, projectId, taskIds, add } = await chain(6);
  await add(taskIds[0]);
  const [root, second, third] = taskIds;
  const { task } = await server.ask<{ task: unknown }>(
    `query ($projectId: ID!, $taskId: ID!) { task(projectId: $projectId, taskId: $taskId) {
      depth parent { taskId } ancestors { taskId } children { totalCount nodes { taskId } }
      subtree { taskId depth } descendantCounts { status count } } }`,
    { projectId, taskId: third },
  );
  expect(task).toEqual({
    depth: 2,
    parent: { taskId: second },
    ancestors: [{ taskId: second }, { taskId: root }],
    children: { totalCount: 1, nodes: [{ taskId: taskIds[3] }] },
    subtree: taskIds.slice(2).map((taskId, i) => ({ taskId, depth: i + 2 })),
    descendantCounts: [
      { status: "PENDING", count: 3 },
      { status: "IN_PROGRESS", count: 0 },
      { status: "COMPLETED", count: 0 },
    ],
  });
  const whole = await server.ask<{ task: { subtree: { taskId: string }[] } }>(
    "query ($projectId: ID!, $taskId: ID!) { task(projectId: $projectId, taskId: $taskId) { subtree { taskId } } }",
    { projectId, taskId: root },
  );
  expect(whole.task.subtree.map(({ taskId }) => taskId)).toEqual([...taskIds, "TASK-007"]);
});

it("keeps depths, and the counts of open children, right when plain SQL moves tasks, and refuses circles of parents", async () => {
  const { projectId, taskIds } = await chain(4);
  const [root = "", second = "", third = "", fourth = ""] = taskIds;
  const move = (taskId: string, parent: string | null) =>
    shared.owner.query("UPDATE tasks SET parent_task_id = $3 WHERE project_id = $1 AND task_id = $2", [
      projectId,
      taskId,
      parent,
    ]);
  const state = async () =>
    (
      await shared.owner.query(
        "SELECT depth, open_children AS open FROM tasks WHERE project_id = $1 ORDER BY queue_position",
        [projectId],
      )
    ).rows.map(({ depth, open }) => `${depth}/${open}`);
  expect(await state()).toEqual(["0/1", "1/1", "2/1", "3/0"]);
  await move(third, root);
  expect(await state()).toEqual(["0/2", "1/0", "1/1", "2/0"]);
  await expect(move(root, fourth)).rejects.toMatchObject({ code: "23514" });
  await shared.owner.query("UPDATE tasks SET status = 'completed' WHERE project_id = $1 AND task_id = $2", [
    projectId,
    second,
  ]);
  expect(await state()).toEqual(["0/1", "1/0", "1/1", "2/0"]);
});

const UPDATE =
  "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { task { parentTaskId depth metadata } } }";

it("moves a task with what lies below it, and refuses what would be too deep or a circle", async () => {
  const { server, projectId, taskIds, add } = await chain(4);
  const [root = "", second = "", third = "", fourth = ""] = taskIds;
  const move = (taskId: string, parentTaskId: string | null) =>
    server.gql<{ updateTask: { task: object } }>(UPDATE, { input: { projectId, taskId, parentTaskId } });
  expect((await move(root, fourth)).errors).toMatchObject([
    {
      message: `Cannot set parent ${fourth}: would create circular reference (parent is descendant)`,
      extensions: { code: "DEPENDENCY_CYCLE" },
    },
  ]);
  expect((await move(third, null)).data).toMatchObject({ updateTask: { task: { parentTaskId: null, depth: 0 } } });
  expect((await move(root, fourth)).data).toMatchObject({ updateTask: { task: { parentTaskId: fourth, depth: 2 } } });
  expect((await move(third, second)).errors).toMatchObject([{ extensions: { code: "DEPENDENCY_CYCLE" } }]);
  await add(second);
  await add("TASK-005");
  await add();
  expect((await move(third, "TASK-007")).errors).toMatchObject([{ message: expect.stringContaining("maximum is 5") }]);
  await server.ask("mutation ($input: AddDependencyInput!) { addDependency(input: $input) { added } }", {
    input: { projectId, taskId: third, dependsOn: { taskId: "TASK-007" } },
  });
  expect((await move("TASK-007", "TASK-006")).data).toBeTruthy();
});

it("deletes a task with open children only with all that lies below it", async () => {
  const { server, projectId, taskIds } = await chain(3);
  const [root, second] = taskIds;
  const remove = (cascade?: boolean) =>
    server.gql("mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { task { deletedAt } } }", {
      input: { projectId, taskId: root, cascade },
    });
  expect((await remove()).errors).toMatchObject([
    { message: expect.stringContaining(`open children: ${second}.`), extensions: { children: [second] } },
  ]);
  expect((await remove(true)).errors).toBeUndefined();
  const { tasks } = await server.ask<{ tasks: { totalCount: number } }>("{ tasks { totalCount } }");
  expect(tasks.totalCount).toBe(0);
});

it("deletes at most 1,000 tasks with what lies above them", async () => {
  const server = await makeProject(shared.server, ["root"]);
  const { projectId } = server;
  const remove = (taskId: string) =>
    server.gql("mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { task { deletedAt } } }", {
      input: { projectId, taskId, cascade: true },
    });
  await server.ask(ADD, {
    input: { projectId, tasks: Array.from({ length: 1_000 }, () => ({ description: "x", parentTaskId: "TASK-001" })) },
  });
  expect((await remove("TASK-001")).errors).toMatchObject([
    { message: expect.stringContaining("deletes 1000 at most"), extensions: { code: "BAD_USER_INPUT", count: 1_000 } },
  ]);
  await remove("TASK-002");
  expect((await remove("TASK-001")).errors).toBeUndefined();
  expect(await server.ask("{ tasks { totalCount } }")).toEqual({ tasks: { totalCount: 0 } });
});

it("checks the metadata that a kind knows, and merges a patch into them", async () => {
  const server = await makeProject(shared.server, ["work"]);
  const { projectId } = server;
  const add = (kind: string, metadata: object) =>
    server.gql(ADD, { input: { projectId, tasks: [{ description: "x", kind, metadata }] } });
  for (const [kind, metadata] of [
    ["SESSION", { token_budget: 999, prompts_count: 0, yaml_frontmatter: { schema_version: "1" } }],
    ["SESSION", { token_budget: 1000, prompts_count: 0, yaml_frontmatter: {} }],
    ["PROJECT", { target_quarter: "2026-Q1" }],
    ["PROJECT", { description: "x".repeat(1001) }],
    ["TASK", { estimated_hours: 1001 }],
    ["TASK", { blocked_reason: "x".repeat(501) }],
    ["RESEARCH", { findings_summary: "x".repeat(2001) }],
  ] as const)
    expect((await add(kind, metadata)).errors, `${kind} ${Object.keys(metadata)}`).toMatchObject([
      { message: expect.stringContaining("tasks[0].metadata"), extensions: { code: "BAD_USER_INPUT" } },
    ]);
  for (const [kind, metadata] of [
    ["SESSION", {}],
    ["SESSION", { token_budget: 1000, prompts_count: 0, yaml_frontmatter: { schema_version: "1" }, own: true }],
    ["PROJECT", { description: "x".repeat(1000) }],
    ["TASK", { estimated_hours: 1000, actual_hours: 0 }],
  ] as const)
    expect((await add(kind, metadata)).errors).toBeUndefined();
  const update = (metadata: object) => server.gql(UPDATE, { input: { projectId, taskId: "TASK-001", metadata } });
  await update({ a: 1, b: 2 });
  expect((await update({ b: null, estimated_hours: 3 })).data).toMatchObject({
    updateTask: { task: { metadata: { a: 1, estimated_hours: 3 } } },
  });
  expect((await update({ estimated_hours: -1 })).errors).toMatchObject([
    { message: expect.stringContaining("metadata.estimated_hours") },
  ]);
});
