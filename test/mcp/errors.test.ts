import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { tools as registered } from "../../mcp/registry.ts";
import { inToolWords } from "../../mcp/tool-words.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

const complete = { task_id: "TASK-001", status: "completed" };

const CREATE = `mutation ($projectId: ID!) { createProject(input: {projectId: $projectId, name: "Test"}) { replayed } }`;
const ADD = `mutation ($projectId: ID!) { addTasks(input: {projectId: $projectId, tasks: [{description: "work"}]}) { taskIds } }`;

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

/** A project of its own with one task, TASK-001. */
async function projectWithTask(): Promise<string> {
  const projectId = `project-${++projects}`;
  await server.ask(CREATE, { projectId });
  await server.ask(ADD, { projectId });
  return projectId;
}

/** The error text of one call. */
async function refusal(tool: string, args: Record<string, unknown>, agentKey = server.agentKey) {
  await using tools = await connectTools({ url: server.url, agentKey });
  const { failed, text } = await tools.call(tool, args);
  expect(failed).toBe(true);
  // Words of GraphQL, and advice that could lose anybody's work, are not for tools.
  expect(text).not.toMatch(/\b[a-z]+[A-Z]|nodes \{|extensions|\$input|delete|drop|force/);
  return text;
}

describe("the text of an error says what was wrong and what to do", () => {
  test("about a task that is not there", async () => {
    const project_id = await projectWithTask();
    expect(await refusal("update_task_status", { ...complete, task_id: "TASK-999", project_id })).toMatch(
      /^Task not found: TASK-999\. Check task_id and project_id, or call list_tasks/,
    );
    expect(await refusal("update_task_status", { ...complete, project_id, task_id: "x".repeat(9_999) })).toMatch(
      /^Task not found: x{60}…\. Check/,
    );
  });

  test("about a project that is not there", async () => {
    expect(await refusal("get_next_task", { project_id: "beta" })).toMatch(
      /^Project beta not found\. Check project_id; list_tasks/,
    );
  });

  test("about a task id that two projects have", async () => {
    for (const _ of [1, 2]) await projectWithTask();
    expect(await refusal("update_task_status", complete)).toMatch(
      /^Task TASK-001 exists in several projects: .*\. Repeat the call with project_id/,
    );
  });

  test("about a step that tasks do not take", async () => {
    const project_id = await projectWithTask();
    expect(await refusal("update_task_status", { ...complete, project_id })).toMatch(
      /^Invalid status transition: pending → completed\. Legal: pending → in_progress → completed/,
    );
  });

  test("about a task that somebody else holds, whatever that worker is called", async () => {
    const project_id = await projectWithTask();
    await using other = await connectTools(server);
    await other.call("get_next_task", { project_id, worker: "Night Shift" });
    // What to do is said once.
    expect(await refusal("update_task_status", { ...complete, project_id })).toMatch(
      /^Lease of TASK-001 lost: .* held by Night Shift .* Nothing of this call was kept\. Stop working .* call get_next_task for another\.$/,
    );
  });

  test("about a key that may only read, and one that is none", async () => {
    const project_id = await projectWithTask();
    const { secret } = await server.makeKey({ role: "reader" });
    expect(await refusal("get_next_task", { project_id }, secret)).toMatch(/This API key may not do that/);
    expect(await refusal("get_next_task", { project_id }, "dk_wrong")).toMatch(
      /^Docket API error: 401 - Unauthorized\. The API key is .*DOCKET_API_KEY/,
    );
  });

  test("about a reservation that is not there", async () => {
    const confirm = { reservation_id: "b0a5f3a0-6f0e-4c7b-9b57-0d5c4c6f2f11" };
    expect(await refusal("confirm_reservation", confirm)).toMatch(
      /^Reservation expired or not found\. .*reserve_id_range/,
    );
  });

  test("about a cursor of another server", async () => {
    const wait = { cursor: "AAAAAAAAAAAAAAAAAAAAAA", all_projects: true, wait_seconds: 0 };
    expect(await refusal("wait_for_changes", wait)).toMatch(/cursor .*call it without cursor/);
  });

  test.each([
    [{ description: "" }, "tasks[0]: description is missing"],
    [{}, "tasks[0]: description is missing"],
    [{ description: "x", title: "t".repeat(201) }, "tasks[0].title: must have at most 200 characters"],
    [{ description: "x", generator_name: "g".repeat(51) }, "tasks[0].generator_name: must have at most 50 characters"],
    [{ description: "x", expected_outputs: [""] }, "tasks[0].expected_outputs[0]: must not be empty"],
    [{ description: "x", task_id: "Task-one" }, 'tasks[0]: task_id "Task-one" is not an artifact ID'],
    [{ description: "x", artifact_type: "US" }, "tasks[0]: artifact_type needs an artifact_id"],
  ])("about the item %o in the names of the tool's own arguments", async (task, expected) => {
    expect(await refusal("add_task", { project_id: "alpha", tasks: [task] })).toContain(expected);
  });

  test("about an ID far above the others, without the way that only admins have", async () => {
    const project_id = await projectWithTask();
    const far = { project_id, tasks: [{ description: "x", task_id: "TASK-2147483647" }] };
    expect(await refusal("add_task", far)).toContain("TASK-2147483647");
  });

  test("about the number of something in the tool's own words", async () => {
    const project_id = await projectWithTask();
    await using tools = await connectTools(server);
    await tools.call("get_next_task", { project_id });
    const { text } = await tools.call("renew_task_lease", {
      task_id: "TASK-001",
      project_id,
      checkpoint: { text: "x".repeat(70_000) },
    });
    expect(text).toMatch(/^checkpoint has 70\d\d\d bytes as JSON; 65536 at most\. renew_task_lease takes task_id/);
  });
});

describe("a server that does not answer", () => {
  /** Listens, and treats each request as it likes. */
  async function listening(server: ReturnType<typeof createTcpServer>): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test("is said to be away, and how to start it", async () => {
    const server = createTcpServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    await using tools = await connectTools({ url });
    const { text } = await tools.call("update_task_status", complete);
    expect(text).toBe(
      `Docket unavailable: Connection refused at ${url}. Start it with \`npx docket start\` in Docket's folder, or set DOCKET_URL to where it runs.`,
    );
  });

  test("is given up after a time that is named, and repeating is safe", async () => {
    const url = await listening(createTcpServer((socket) => onTestFinished(() => void socket.destroy())));
    await using tools = await connectTools({ url, timeoutMs: 50 });
    const { text } = await tools.call("update_task_status", complete);
    expect(text).toMatch(/^Docket timeout: No response within 0\.05 seconds\. Repeating the same call is safe/);
  });

  test("but a proxy in its place, is told by its status", async () => {
    const url = await listening(createServer((_, response) => response.writeHead(404).end("<html>")));
    await using tools = await connectTools({ url });
    const { text } = await tools.call("update_task_status", complete);
    expect(text).toMatch(/^Docket API error: 404 - Not Found\. .*check that DOCKET_URL is the address/);
  });
});

describe("the server's words", () => {
  test("become those of the tools, wherever they name an argument", () => {
    expect(inToolWords("leaseSeconds is 0; completionNotes of projectId.")).toBe(
      "lease_seconds is 0; completion_notes of project_id.",
    );
  });

  test("become those of the tools for the choices of an argument too", () => {
    expect(inToolWords("takeOver goes with status IN_PROGRESS. AGENT keys of TASK-001.")).toBe(
      "take_over goes with status in_progress. AGENT keys of TASK-001.",
    );
  });

  test("lose a further sentence that no tool could follow, and keep the first", () => {
    expect(inToolWords("It is gone. Create it with createProject. Or wait.")).toBe("It is gone. Or wait.");
    expect(inToolWords("Use releaseReservation.")).toBe("Use release_reservation.");
  });

  test("leave alone what is somebody's data", () => {
    const holder = { worker: "leaseSeconds (a.b)" };
    expect(
      inToolWords(`Held by ${holder.worker}. "projectId" is no id. Held by ${holder.worker} still.`, { holder }),
    ).toBe(`Held by ${holder.worker}. "projectId" is no id. Held by ${holder.worker} still.`);
  });

  test("of GraphQL are in no description and no schema of a tool", () => {
    const listed = registered.map(({ title, description, inputSchema, outputSchema }) => [
      title,
      description,
      inputSchema,
      outputSchema,
    ]);
    expect(JSON.stringify(listed).replaceAll(/"[a-zA-Z]+":/g, "")).not.toMatch(/\b[a-z]+[A-Z]|GraphQL|mutation/);
  });
});
