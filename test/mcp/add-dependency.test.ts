import { expect, test } from "vitest";
import { connectTools } from "./connect.ts";
import { shareSessions, succeed } from "./sessions.ts";

const sessions = shareSessions();

test("a task waits for another until that is completed, and says so where it is held or was so already", async () => {
  await using tools = await sessions.start([{ description: "waits" }, { description: "first" }]);
  const project_id = `project-${sessions.projects}`;
  const waits = { task_id: "TASK-001", depends_on: "TASK-002" };
  const told = { ...waits, project_id, depends_on_project_id: project_id, kind: "blocks" };
  expect(await succeed(tools, "add_dependency", waits)).toEqual({ ...told, ready: false });
  expect(await succeed(tools, "add_dependency", waits)).toEqual({ ...told, ready: false, note: "It was so already." });
  expect(await succeed(tools, "get_next_task")).toMatchObject({ task: { task_id: "TASK-002" } });
  const circle = await tools.call("add_dependency", { task_id: "TASK-002", depends_on: "TASK-001" });
  expect(circle).toMatchObject({ failed: true, text: expect.stringContaining("TASK-001") });
  await succeed(tools, "add_task", { tasks: [{ description: "later" }] });
  expect(await succeed(tools, "add_dependency", { task_id: "TASK-002", depends_on: "TASK-003" })).toMatchObject({
    ready: false,
    next: "Somebody is at work on TASK-002 and keeps it; it waits once it is given back.",
  });
  await succeed(tools, "update_task_status", { task_id: "TASK-002", status: "completed" });
  expect(await succeed(tools, "get_next_task")).toMatchObject({ task: { task_id: "TASK-001" } });
});

test("tasks of two projects are linked by another kind, which keeps nobody waiting; what is not seen is not found", async () => {
  await using tools = await sessions.start([{ description: "found" }]);
  const project_id = `project-${sessions.projects}`;
  await succeed(tools, "add_task", { project_id: `${project_id}-b`, tasks: [{ description: "at work on this" }] });
  const link = {
    task_id: "TASK-001",
    depends_on: "TASK-001",
    depends_on_project_id: `${project_id}-b`,
    kind: "discovered_from",
  };
  expect(await succeed(tools, "add_dependency", link)).toEqual({ ...link, project_id, ready: true });
  const limited = await sessions.server.makeKey({ name: "limited", projectIds: [project_id] });
  await using others = await connectTools({
    ...sessions.server,
    agentKey: limited.secret,
    defaultProject: project_id,
    holds: true,
  });
  const refused = await others.call("add_dependency", link);
  expect(refused).toMatchObject({ failed: true, text: expect.stringContaining(`${project_id}-b`) });
  expect(await others.call("add_dependency", { ...link, kind: "waits" })).toMatchObject({
    failed: true,
    text: expect.stringContaining("blocks, relates_to, discovered_from, duplicates"),
  });
});
