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
