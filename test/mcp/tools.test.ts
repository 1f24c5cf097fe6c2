import { GraphQLError } from "graphql";
import { describe, expect, test } from "vitest";
import { reset, scriptedDocket } from "../support/scripted-docket.ts";
import { connectTools } from "./connect.ts";

const task = {
  taskId: "TASK-046",
  projectId: "alpha",
  status: "IN_PROGRESS",
  description: "Generate HLS-007",
  generatorName: "hls-generator",
  inputs: ["PRD-006"],
  expectedOutputs: [],
  labels: [],
  metadata: {},
  priority: 2,
  attemptCount: 1,
  project: { leaseSeconds: 3600 },
};
const attempts = [{ number: 1, worker: "a", outcome: "EXPIRED", endedAt: "2025-10-18T10:00:00.000Z" }];
const briefing = { checkpoint: { step: "tests" }, attempts };

describe("get_next_task", () => {
  test("claims, and shows the task with its attempt and what earlier ones left", async () => {
    await using docket = await scriptedDocket({
      claimNextTask: () => ({ task, attempt: "2-9f86d081884c", briefing, replayed: false }),
    });
    await using tools = await connectTools(docket);
    const { data, text } = await tools.call("get_next_task", { project_id: "alpha", lease_seconds: 900 });
    expect(data).toEqual({
      task: {
        task_id: "TASK-046",
        project_id: "alpha",
        status: "in_progress",
        description: "Generate HLS-007",
        priority: 2,
        generator_name: "hls-generator",
        inputs: ["PRD-006"],
      },
      attempt: "2-9f86d081884c",
      briefing: {
        checkpoint: { step: "tests" },
        attempts: [{ number: 1, worker: "a", outcome: "expired", ended_at: "2025-10-18T10:00:00.000Z" }],
      },
    });
    expect(JSON.parse(text)).toEqual(data);
    const input = docket.seen[0]?.variables.input;
    expect(input).toMatchObject({ projectId: "alpha", leaseSeconds: 900, worker: "test-client" });
    expect(input?.["idempotencyKey"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("says why there is nothing to do", async () => {
    const idle = { message: "No pending tasks for project", pending: 0, held: 2, retryAt: "2025-10-18T10:00:00.000Z" };
    await using docket = await scriptedDocket({ claimNextTask: () => ({ idle, replayed: false }) });
    await using tools = await connectTools(docket);
    const { data } = await tools.call("get_next_task", { project_id: "alpha" });
    const shown = { pending: 0, held: 2, retry_at: "2025-10-18T10:00:00.000Z" };
    expect(data).toEqual({ task: null, message: "No pending tasks for project", ...shown });
  });

  test.each([
    [{ claim: false }, "PENDING"],
    [{ status_filter: "in_progress" }, "IN_PROGRESS"],
    [{ status_filter: "completed", claim: true }, "COMPLETED"],
  ])("only looks when called with %o", async (args, status) => {
    await using docket = await scriptedDocket({ nextTask: () => ({ task: { ...task, status } }) });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { data } = await tools.call("get_next_task", args);
    expect(data).toMatchObject({ task: { task_id: "TASK-046", status: status.toLowerCase() } });
    expect(docket.seen.map(({ query }) => query.trim().split(" ")[0])).toEqual(["query"]);
    expect(docket.seen[0]?.variables).toEqual({ projectId: "alpha", status });
  });
});

describe("update_task_status", () => {
  test("reports the finished task; notes is another name for completion_notes", async () => {
    const done = { ...task, status: "COMPLETED", completedAt: "2025-10-18T11:00:00.000Z", completionNotes: "ok" };
    await using docket = await scriptedDocket({ updateTaskStatus: () => ({ task: done, replayed: false }) });
    await using tools = await connectTools(docket);
    const args = { task_id: "TASK-046", status: "completed", notes: "ok", attempt: "3-9f86d081884c" };
    const { data } = await tools.call("update_task_status", args);
    const outcome = { status: "completed", completed_at: "2025-10-18T11:00:00.000Z", completion_notes: "ok" };
    expect(data).toEqual({ updated_task: { task_id: "TASK-046", project_id: "alpha", ...outcome } });
    expect(docket.seen[0]?.variables.input).toMatchObject({
      completionNotes: "ok",
      attempt: "3-9f86d081884c",
      status: "COMPLETED",
    });
    expect(docket.seen[0]?.variables.input).not.toHaveProperty("reset");
  });

  test("shows the whole task when it was taken by name", async () => {
    const answer = { task, attempt: "2-9f86d081884c", briefing, replayed: false };
    await using docket = await scriptedDocket({ updateTaskStatus: () => answer });
    await using tools = await connectTools(docket);
    const { data } = await tools.call("update_task_status", { task_id: "TASK-046", status: "in_progress" });
    const left = { checkpoint: { step: "tests" } };
    expect(data).toMatchObject({ attempt: "2-9f86d081884c", updated_task: { inputs: ["PRD-006"] }, briefing: left });
  });
});

describe("what a session holds", () => {
  const root = {
    claimNextTask: () => ({ task: { ...task, projectId: "beta" }, attempt: "7-9f86d081884c", replayed: false }),
    updateTaskStatus: ({ input }: { input: Record<string, unknown> }) => ({
      task: { ...task, projectId: "beta", status: input["status"] },
      attempt: input["status"] === "IN_PROGRESS" ? "8-9f86d081884c" : null,
      replayed: false,
    }),
    renewTaskLease: () => ({
      task: { ...task, projectId: "beta" },
      attempt: "7-9f86d081884c",
      leaseExpiresAt: "2025-10-18T10:00:00.000Z",
    }),
  };
  const inputsOf = (docket: { seen: readonly { variables: { input?: Record<string, unknown> } }[] }) =>
    docket.seen.map(({ variables }) => variables.input);

  test("is completed under its own project and attempt, whatever the default project is", async () => {
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools({ url: docket.url, holds: true, defaultProject: "alpha" });
    await tools.call("get_next_task", { project_id: "beta" });
    await tools.call("update_task_status", { task_id: "TASK-046", status: "completed" });
    await tools.call("update_task_status", { task_id: "TASK-046", status: "completed" });
    const [, held, after] = inputsOf(docket);
    expect(held).toMatchObject({ projectId: "beta", attempt: "7-9f86d081884c" });
    expect(after).toMatchObject({ projectId: "alpha" });
    expect(after).not.toHaveProperty("attempt");
  });

  test("is renewed with the lease it was taken for", async () => {
    await using docket = await scriptedDocket({
      ...root,
      renewTaskLease: () => ({ ...root.renewTaskLease(), replayed: false }),
    });
    await using tools = await connectTools({ url: docket.url, holds: true });
    await tools.call("get_next_task", { project_id: "beta", lease_seconds: 900 });
    const { data } = await tools.call("renew_task_lease", { task_id: "TASK-046", checkpoint: { step: 1 } });
    expect(data).toEqual({
      task_id: "TASK-046",
      attempt: "7-9f86d081884c",
      lease_expires_at: "2025-10-18T10:00:00.000Z",
    });
    const expected = { projectId: "beta", attempt: "7-9f86d081884c", leaseSeconds: 900, checkpoint: { step: 1 } };
    expect(inputsOf(docket)[1]).toMatchObject(expected);
  });

  test("can be taken anew by name: an old attempt does not fence off the new claim", async () => {
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools({ url: docket.url, holds: true });
    await tools.call("get_next_task", { project_id: "beta" });
    await tools.call("update_task_status", { task_id: "TASK-046", status: "in_progress" });
    await tools.call("update_task_status", { task_id: "TASK-046", status: "pending" });
    const [, taken, released] = inputsOf(docket);
    expect(taken).not.toHaveProperty("attempt");
    expect(released).toMatchObject({ attempt: "8-9f86d081884c", status: "PENDING" });
  });
});

describe("add_task", () => {
  const added = { tasksAdded: 1, taskIds: ["TASK-046"], tasks: [task], attempts: [null], replayed: false };

  test("sends sub-artifacts to the client's project, which it creates when missing", async () => {
    await using docket = await scriptedDocket({ addTasks: () => added });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const item = { artifact_id: "HLS-006", artifact_type: "hls", generator: "hls-generator", parent_id: "PRD-006" };
    const { data } = await tools.call("add_task", { tasks: [{ ...item, status: "pending" }] });
    expect(data).toEqual({ tasks_added: 1, task_ids: ["TASK-046"] });
    expect(docket.seen[0]?.variables.input).toMatchObject({
      projectId: "alpha",
      createProject: true,
      tasks: [{ artifactId: "HLS-006", artifactType: "HLS", generator: "hls-generator", parentId: "PRD-006" }],
    });
  });

  test("needs no default when every item names its project", async () => {
    await using docket = await scriptedDocket({ addTasks: () => added });
    await using tools = await connectTools(docket);
    const { failed } = await tools.call("add_task", { tasks: [{ description: "x", project_id: "alpha" }] });
    expect(failed).toBe(false);
    expect(docket.seen[0]?.variables.input).not.toHaveProperty("projectId");
  });

  test("tells the attempt of what was added as in progress", async () => {
    await using docket = await scriptedDocket({ addTasks: () => ({ ...added, attempts: ["1-9f86d081884c"] }) });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha", holds: true });
    const { data } = await tools.call("add_task", { tasks: [{ description: "x", status: "in_progress" }] });
    expect(data).toMatchObject({ claimed: [{ task_id: "TASK-046", attempt: "1-9f86d081884c" }] });
    expect(tools.session.find("TASK-046", undefined, undefined)).toMatchObject({ leaseSeconds: 3600 });
  });
});

describe("artifact IDs", () => {
  test("are reserved and confirmed", async () => {
    const reservation = { reservationId: "r1", expiresAt: "2025-10-18T14:30:00.000Z", ids: ["US-028"] };
    await using docket = await scriptedDocket({
      reserveIds: () => ({ reservedIds: ["US-028", "US-029"], reservation, replayed: false }),
      confirmReservation: () => ({ reservation, released: ["US-029"], replayed: false }),
    });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const reserved = await tools.call("reserve_id_range", { artifact_type: "us", count: 2 });
    const ids = ["US-028", "US-029"];
    expect(reserved.data).toEqual({ reservation_id: "r1", reserved_ids: ids, expires_at: "2025-10-18T14:30:00.000Z" });
    expect(docket.seen[0]?.variables.input).toMatchObject({ artifactType: "US", count: 2, createProject: true });
    const confirmed = await tools.call("confirm_reservation", { reservation_id: "r1", ids: ["US-028"] });
    expect(confirmed.data).toEqual({ reservation_id: "r1", confirmed_ids: ["US-028"], released_ids: ["US-029"] });
  });

  test("are taken one by one", async () => {
    await using docket = await scriptedDocket({
      nextId: () => ({ id: "US-028", lastAssigned: "US-027", replayed: false }),
    });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { data } = await tools.call("get_next_available_id", { artifact_type: "US" });
    expect(data).toEqual({ id: "US-028", last_assigned: "US-027" });
  });

  test("are never made up when an answer lacks one", async () => {
    await using docket = await scriptedDocket({ nextId: () => ({ replayed: false }) });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { failed, text } = await tools.call("get_next_available_id", { artifact_type: "US" });
    expect(failed).toBe(true);
    expect(text).toContain("Docket answered without an ID");
  });
});

describe("list_tasks", () => {
  const page = {
    nodes: [{ ...task, description: "x".repeat(500), completionNotes: "n" }],
    totalCount: 41,
    pageInfo: { endCursor: "c1", hasNextPage: true, hasPreviousPage: false },
  };

  test("is short unless asked for all, and counts on the first page only", async () => {
    await using docket = await scriptedDocket({ tasks: () => page });
    await using tools = await connectTools(docket);
    const first = await tools.call("list_tasks", { status: "in_progress", labels: ["api"], text: "hls" });
    expect(first.data).toMatchObject({ total: 41, next_cursor: "c1" });
    expect(first.text.length).toBeLessThan(320);
    const second = await tools.call("list_tasks", { cursor: "c1", detail: "full", limit: 100 });
    expect(second.data).not.toHaveProperty("total");
    expect(second.text).toContain("x".repeat(500));
    expect(docket.seen[0]?.variables).toEqual({
      filter: { status: { eq: "IN_PROGRESS" }, labels: { in: ["api"] }, text: "hls" },
      first: 20,
      counted: true,
    });
  });

  test("covers the default project, one named, or all", async () => {
    await using docket = await scriptedDocket({ tasks: () => ({ ...page, nodes: [] }) });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    for (const args of [{}, { project_id: "beta" }, { all_projects: true }]) await tools.call("list_tasks", args);
    const filters = docket.seen.map(({ variables }) => variables["filter"]);
    expect(filters).toEqual([{ projects: ["alpha"] }, { projects: ["beta"] }, {}]);
  });
});

describe("a lost answer", () => {
  test("is asked for again under the same key, within the call and by the model's next one", async () => {
    const root = { claimNextTask: () => ({ task, attempt: "1-9f86d081884c", replayed: true }) };
    await using docket = await scriptedDocket(root, [reset, reset, reset, reset]);
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const lost = await tools.call("get_next_task");
    expect(lost.text).toMatch(/^Docket unavailable: Connection lost at .* Repeating the same call is safe/);
    expect(await tools.call("get_next_task")).toMatchObject({ failed: false });
    await tools.call("get_next_task");
    const keys = docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"]);
    expect(new Set(keys.slice(0, 5)).size).toBe(1);
    expect(keys[5]).not.toBe(keys[4]);
  });

  test.each([
    ["DATABASE_UNAVAILABLE", "Database unavailable"],
    ["INTERNAL", "Something went wrong"],
    ["BAD_RESPONSE", "Not an answer"],
  ])("may be what %s stands for, so the model's next call has the same key", async (code, message) => {
    const faults = [new GraphQLError(message, { extensions: { code } })];
    const root = { claimNextTask: () => faults.shift() ?? { task, attempt: "1-9f86d081884c", replayed: true } };
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { text } = await tools.call("get_next_task");
    expect(text).toContain(`${message}. `);
    expect(text).toContain("Repeating the same call is safe");
    expect(text).not.toContain("Nothing was changed");
    for (const _ of [1, 2]) expect(await tools.call("get_next_task")).toMatchObject({ failed: false });
    const [first, second, third] = docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"]);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test("is not forgotten when its repetition is refused before anybody looked at the key", async () => {
    const faults = ["INTERNAL", "RATE_LIMITED"].map((code) => new GraphQLError(code, { extensions: { code } }));
    const root = { claimNextTask: () => faults.shift() ?? { task, attempt: "1-9f86d081884c", replayed: true } };
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    for (const _ of [1, 2, 3]) await tools.call("get_next_task");
    expect(new Set(docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"])).size).toBe(1);
  });

  test("is not suspected behind an error that says that nothing was done", async () => {
    const fail = () => new GraphQLError("Project alpha not found", { extensions: { code: "PROJECT_NOT_FOUND" } });
    await using docket = await scriptedDocket({ claimNextTask: fail });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    for (const _ of [1, 2]) await tools.call("get_next_task");
    expect(new Set(docket.seen.map(({ variables }) => variables.input?.["idempotencyKey"])).size).toBe(2);
  });
});

describe("the log of calls", () => {
  test("has tool, duration and outcome, and no texts of tasks", async () => {
    const root = {
      tasks: () => {
        throw new GraphQLError("secret text", { extensions: { code: "INTERNAL" } });
      },
    };
    await using docket = await scriptedDocket(root);
    await using tools = await connectTools(docket);
    await tools.call("list_tasks", { text: "secret text" });
    expect(tools.calls).toMatchObject([{ tool: "list_tasks", durationMs: expect.any(Number), outcome: "error" }]);
    expect(Object.keys(tools.calls[0] ?? {}).sort()).toEqual(["durationMs", "error", "outcome", "tool"]);
  });
});
