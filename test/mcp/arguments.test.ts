import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tools } from "../../mcp/registry.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

/** Nothing listens there, so whatever is sent comes back as unavailable. */
const NOWHERE = { url: "http://127.0.0.1:9" };

describe("arguments as models send them", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ keepOpen: true });
  });
  afterAll(() => server.close());

  test("are understood as JSON text, as text for numbers and booleans, and as null for what is left out", async () => {
    await using tools = await connectTools({ ...server, defaultProject: "alpha" });
    const items = [{ description: "a", priority: "0", labels: '["api","db"]', title: null, status: "PENDING" }];
    const added = await tools.call("add_task", { tasks: JSON.stringify(items), project_id: null, lease_seconds: null });
    expect(added.failed && added.text).toBe(false);
    expect(added.data).not.toHaveProperty("note");
    await tools.call("add_task", { tasks: JSON.stringify({ description: "b", inputs: [7] }) });

    const listed = await tools.call("list_tasks", { limit: "1", all_projects: "False", labels: '["db"]', cursor: "" });
    const urgent = { task_id: "TASK-001", priority: 0, labels: ["api", "db"] };
    expect(listed.data).toMatchObject({ tasks: [urgent] });

    const taken = await tools.call("get_next_task", { claim: "true", status_filter: "null", lease_seconds: "60" });
    expect(taken.data).toMatchObject({ task: { task_id: "TASK-001" } });
    const { attempt } = taken.data as { attempt: unknown };
    const checkpoint = JSON.stringify({ step: 2 });
    const renewed = await tools.call("renew_task_lease", { task_id: "TASK-001", attempt, checkpoint });
    expect(renewed.failed && renewed.text).toBe(false);
    const done = { task_id: "TASK-001", attempt, status: "Completed", completion_notes: 42, reset: "false" };
    const completed = await tools.call("update_task_status", done);
    expect(completed.data).toMatchObject({ updated_task: { status: "completed", completion_notes: "42" } });
    expect((await tools.call("reserve_id_range", { artifact_type: "US", count: "2.0" })).failed).toBe(false);
  });

  test("may come as JSON text, or as null where there are none, and what is neither is refused in the tool's words", async () => {
    await using tools = await connectTools({ ...server, defaultProject: "texts" });
    const call = (name: unknown, given: unknown) =>
      tools.client.request(
        { method: "tools/call", params: { name, arguments: given } } as Parameters<typeof tools.client.request>[0],
        CallToolResultSchema,
      );
    const tasks = [{ description: "as text" }];
    expect(await call("add_task", JSON.stringify({ tasks }))).toMatchObject({
      structuredContent: { task_ids: ["TASK-001"] },
    });
    for (const none of [null, "", "null"])
      expect(await call("list_tasks", none)).toMatchObject({ structuredContent: { tasks: [{ task_id: "TASK-001" }] } });
    for (const [tool, odd] of [
      ["add_task", "{tasks"],
      ["list_tasks", ["limit"]],
      ["list_tasks", 7],
    ] as const) {
      const refused = await call(tool, odd);
      expect(refused.isError).toBe(true);
      expect(JSON.stringify(refused.content)).toMatch(/arguments.*[Ee]xample/s);
    }
    for (const name of [undefined, 7])
      await expect(call(name, {})).rejects.toThrow(/params\.name must say which tool to call\. Tools: get_next_task/);
  });

  test("get a note where their meaning was in doubt", async () => {
    await using tools = await connectTools({ ...server, defaultProject: "beta" });
    const added = await tools.call("add_task", {
      tasks: [{ description: "a", labels: "api, db" }],
      project_id: "None",
    });
    expect(added.data).toMatchObject({
      note: 'tasks[0].labels was no list and counts as one entry, "api, db". project_id "None" counts as left out.',
      task_ids: ["TASK-001"],
    });
    const taken = await tools.call("get_next_task", { claim: "yes" });
    expect(taken.data).toMatchObject({ note: 'claim "yes" counts as true.', task: { labels: ["api, db"] } });
    const kept = { task_id: "TASK-001", checkpoint: "half of it" };
    expect((await tools.call("renew_task_lease", kept)).data).toMatchObject({
      note: "checkpoint was no object and is kept as its member text.",
    });
  });
});

test("a client and a worker of names of any length can claim", async () => {
  const server = await startTestServer();
  await using tools = await connectTools({ ...server, defaultProject: "alpha", name: `${"🚀".repeat(300)}\0` });
  await tools.call("add_task", { tasks: [{ description: "a" }, { description: "b", status: "in_progress" }] });
  const byClient = await tools.call("get_next_task");
  expect(byClient.data).toMatchObject({ task: { task_id: "TASK-001", claimed_by: "🚀".repeat(50) } });
  await tools.call("update_task_status", { task_id: "TASK-001", status: "pending" });
  const byName = await tools.call("get_next_task", { worker: "w".repeat(5_000) });
  expect(byName.data).toMatchObject({ task: { claimed_by: "w".repeat(100) } });
});

describe("a wrong call is refused before anything is sent,", () => {
  test.each([
    ["get_next_task", {}, /^No project: pass project_id .* DOCKET_PROJECT/],
    [
      "get_next_task",
      { project: "a" },
      /^Invalid arguments for get_next_task: unknown argument project\. get_next_task takes project_id, project_ids, status_filter.* For example: get_next_task \{"project_id"/,
    ],
    [
      "update_task_status",
      { status: "pending" },
      /task_id is missing; it must be a text\. update_task_status takes task_id \(required\)/,
    ],
    [
      "update_task_status",
      { task_id: "TASK-1", status: "done" },
      /: status must be one of pending, in_progress, completed, not "done"\. /,
    ],
    ["update_task_status", { task_id: "T", status: "completed", notes: "a", completion_notes: "b" }, /not both/],
    [
      "add_task",
      { tasks: [{ description: "x" }, { description: "x", colour: "red" }] },
      /unknown argument colour in tasks\[1\]\. tasks\[\] takes description, title, .* For example: add_task \{/,
    ],
    [
      "add_task",
      { tasks: ["Write the docs"] },
      /tasks\[0\] must be an object, not "Write the docs"\. tasks\[\] takes desc/,
    ],
    [
      "add_task",
      { tasks: "[broken" },
      /tasks must be a list of 1 to 1000 objects, not "\[broken"\. tasks\[\] takes desc/,
    ],
    [
      "add_task",
      { tasks: Array.from({ length: 1001 }, () => ({ description: "x" })) },
      /tasks must be a list of 1 to 1000 objects, not one of 1001\. tasks\[\] takes desc/,
    ],
    ["add_task", { tasks: [] }, /tasks must be a list of 1 to 1000 objects, not one of 0\./],
    ["get_task", { task_id: "TASK-001", offset: 5 }, /^offset is a place within .* pass field too, one of title, desc/],
    ["add_task", {}, /tasks is missing; it must be a list of 1 to 1000 objects\. tasks\[\] takes description/],
    ["add_task", { tasks: [{ description: "x", labels: [null] }] }, /tasks\[0\]\.labels\[0\] must be a text, not null/],
    ["add_task", { tasks: [{ description: "x" }] }, /^No project: pass project_id/],
    ["reserve_id_range", { artifact_type: "US", count: 101 }, /count must be a whole number from 1 to 100, not 101\./],
    [
      "list_tasks",
      { limit: 1e308 },
      /list_tasks: limit must be a whole number from 1 to 100, not 1e\+308\. list_tasks/,
    ],
    ["list_tasks", { limit: "many" }, /limit must be a whole number from 1 to 100, not "many"\./],
    ["list_tasks", { all_projects: "perhaps" }, /all_projects must be true or false, not "perhaps"\./],
    ["list_tasks", { project_id: "a", all_projects: true }, /not both/],
    ["add_task", { tasks: Array.from({ length: 9 }, () => ({ priority: 9 })) }, /tasks\[4\]\.priority .*; 4 more\./],
  ])("%s with %o, in plain words", async (name, args, expected) => {
    await using tools = await connectTools(NOWHERE);
    const { failed, text } = await tools.call(name, args);
    expect(failed).toBe(true);
    expect(text).toMatch(expected);
    expect(text).not.toMatch(/expected string|received|>=|<=|Invalid input|unavailable/);
  });

  test("each with an example that the tool itself takes", async () => {
    await using connected = await connectTools(NOWHERE);
    for (const { name, example } of tools) {
      const { text } = await connected.call(name, example as Record<string, unknown>);
      expect(text, name).toMatch(/^Docket unavailable|^No project/);
    }
  });

  test("however deep it is nested", async () => {
    await using tools = await connectTools(NOWHERE);
    const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}1${"]".repeat(levels)}`);
    const call = (levels: number) =>
      tools.call("renew_task_lease", { task_id: "T", checkpoint: { a: nested(levels) } });
    for (const levels of [199, 50_000])
      expect((await call(levels)).text).toMatch(
        /^The arguments of renew_task_lease are nested more than 100 levels deep\./,
      );
    // Docket itself knows where it was passed.
    expect((await call(198)).text).toMatch(/^Docket unavailable/);
  });

  test("and what it repeats of the arguments is short", async () => {
    await using tools = await connectTools(NOWHERE);
    const { text } = await tools.call("list_tasks", { limit: "9".repeat(100_000) });
    expect(text.length).toBeLessThan(500);
  });
});

test("a tool that does not exist is answered with those that do", async () => {
  await using tools = await connectTools(NOWHERE);
  await expect(tools.call("take_task")).rejects.toThrow(/Unknown tool: take_task. Tools: get_next_task/);
});
