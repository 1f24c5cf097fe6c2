import { GraphQLError } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { reset, scriptedDocket } from "../support/scripted-docket.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectTools } from "./connect.ts";

let server: TestServer;
let projects = 0;
beforeAll(async () => {
  server = await startTestServer({ keepOpen: true });
});
afterAll(() => server.close());

type Tools = Awaited<ReturnType<typeof connectTools>>;

/** A session of its own in a new project with these tasks. */
async function start(tasks: object[] = [{ description: "Generate HLS-007", inputs: ["PRD-006"] }]): Promise<Tools> {
  const defaultProject = `project-${++projects}`;
  const tools = await connectTools({ ...server, defaultProject, holds: true });
  if (tasks.length > 0) await succeed(tools, "add_task", { tasks });
  return tools;
}

async function succeed(tools: Tools, name: string, args: Record<string, unknown> = {}) {
  const { failed, text, data } = await tools.call(name, args);
  expect(failed && text).toBe(false);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(data)));
  return data as Record<string, unknown>;
}

const ATTEMPT = expect.stringMatching(/^\d+-/);

describe("get_next_task", () => {
  test("claims, and shows the task with its attempt, what to do, and what earlier attempts left", async () => {
    await using tools = await start();
    const first = await succeed(tools, "get_next_task", { worker: "a" });
    await succeed(tools, "renew_task_lease", { task_id: "TASK-001", checkpoint: { step: "tests" } });
    await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "pending", notes: "no key" });
    const second = await succeed(tools, "get_next_task", { lease_seconds: 900 });
    expect(second).toEqual({
      attempt: ATTEMPT,
      next: expect.stringContaining("update_task_status completed"),
      task: {
        task_id: "TASK-001",
        project_id: `project-${projects}`,
        status: "in_progress",
        description: "Generate HLS-007",
        priority: 2,
        inputs: ["PRD-006"],
        claimed_by: "test-client",
        lease_expires_at: expect.any(String),
      },
      briefing: {
        checkpoint: { step: "tests" },
        attempts: [{ number: 1, worker: "a", outcome: "released", ended_at: expect.any(String), notes: "no key" }],
      },
    });
    expect(second["attempt"]).not.toBe(first["attempt"]);
  });

  test("gives the same task to who asks again after it cancelled the call, and the next one after that", async () => {
    await using tools = await start([{ description: "first" }, { description: "second" }]);
    const owner = await connectOwner(server.test);
    await owner.query("BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE");
    const cancelling = new AbortController();
    const next = { name: "get_next_task", arguments: {} };
    const cancelled = tools.client.callTool(next, undefined, { signal: cancelling.signal });
    await expect
      .poll(
        async () =>
          (await owner.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass")).rowCount,
      )
      .toBe(1);
    cancelling.abort();
    await expect(cancelled).rejects.toThrow();
    await owner.query("COMMIT");
    await expect.poll(() => tools.calls.length).toBe(2);
    expect(await succeed(tools, "get_next_task")).toMatchObject({ task: { task_id: "TASK-001" }, attempt: ATTEMPT });
    expect(await succeed(tools, "get_next_task")).toMatchObject({ task: { task_id: "TASK-002" } });
  });

  test("says why there is nothing to do, and what to do then", async () => {
    await using tools = await start();
    await succeed(tools, "get_next_task");
    const idle = await succeed(tools, "get_next_task");
    const why = { message: "No pending tasks for project", pending: 0, held: 1, retry_at: expect.any(String) };
    const holding = [expect.objectContaining({ task_id: "TASK-001", this_session: true })];
    expect(idle).toEqual({ task: null, next: expect.stringContaining("wait_for_changes"), holding, ...why });
  });

  test.each([{ claim: false }, { status_filter: "pending", claim: false }])("only looks with %o", async (args) => {
    await using tools = await start();
    const seen = await succeed(tools, "get_next_task", args);
    expect(seen).toMatchObject({ task: { task_id: "TASK-001", status: "pending" } });
    expect(seen).not.toHaveProperty("attempt");
  });

  test("only looks at tasks that are not pending", async () => {
    await using tools = await start();
    await succeed(tools, "get_next_task");
    for (const claim of [true, false]) {
      const seen = await succeed(tools, "get_next_task", { status_filter: "in_progress", claim });
      expect(seen).toMatchObject({ task: { task_id: "TASK-001", status: "in_progress" } });
    }
    expect(await succeed(tools, "get_next_task", { status_filter: "completed" })).toMatchObject({ task: null });
  });
});

describe("update_task_status", () => {
  test("reports the finished task and the next step; notes is another name for completion_notes", async () => {
    await using tools = await start();
    const { attempt } = await succeed(tools, "get_next_task");
    const args = { task_id: "TASK-001", status: "completed", notes: "ok", attempt };
    expect(await succeed(tools, "update_task_status", args)).toEqual({
      next: "get_next_task",
      updated_task: {
        task_id: "TASK-001",
        project_id: `project-${projects}`,
        status: "completed",
        completed_at: expect.any(String),
        completion_notes: "ok",
      },
    });
  });

  test("shows the whole task when it was taken by name", async () => {
    await using tools = await start();
    const taken = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "in_progress" });
    expect(taken).toMatchObject({ attempt: ATTEMPT, updated_task: { inputs: ["PRD-006"] } });
    expect(taken["next"]).toContain("update_task_status completed");
  });
});

describe("what a session holds", () => {
  test("is completed under its own project and attempt, whatever the default project is", async () => {
    await using beta = await start();
    await using tools = await start();
    const project_id = `project-${projects - 1}`;
    await succeed(tools, "get_next_task", { project_id });
    const done = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(done).toMatchObject({ updated_task: { project_id } });
    expect(await succeed(beta, "get_next_task")).toMatchObject({ task: null });
  });

  test("is read on in, and every hint says where: in the default project another task has its name", async () => {
    await using _other = await start([{ description: "b".repeat(30_000) }]);
    await using tools = await start([{ description: "a".repeat(30_000) }]);
    const project_id = `project-${projects - 1}`;
    const { read_on } = await succeed(tools, "get_next_task", { project_id });
    expect(read_on).toEqual([
      expect.stringContaining(`get_task with project_id ${project_id}, field description and offset `),
    ]);
    const args = { task_id: "TASK-001", field: "description", offset: 20_000 };
    const read = async (more: object) => {
      const { text, next, ...rest } = await succeed(tools, "get_task", { ...args, ...more });
      expect(next ?? "with this project_id").toContain("with this project_id");
      return [rest["project_id"], String(text).slice(-1)];
    };
    expect(await read({})).toEqual([project_id, "b"]);
    // Written by hand, an ID may be in lower case.
    expect(await read({ task_id: "task-001" })).toEqual([project_id, "b"]);
    await succeed(tools, "update_task_status", { task_id: "task-001", status: "completed" });
    expect(await read({ project_id })).toEqual([project_id, "b"]);
    expect(await read({})).toEqual([`project-${projects}`, "a"]);
  });

  test("is renewed with the lease it was taken for", async () => {
    await using tools = await start();
    const { attempt } = await succeed(tools, "get_next_task", { lease_seconds: 86_400 });
    const renewed = await succeed(tools, "renew_task_lease", { task_id: "TASK-001", checkpoint: { step: 1 } });
    expect(renewed).toEqual({
      task_id: "TASK-001",
      attempt,
      lease_expires_at: expect.any(String),
      next: expect.stringContaining("again before lease_expires_at"),
    });
    expect(Date.parse(String(renewed["lease_expires_at"])) - Date.now()).toBeGreaterThan(80_000_000);
  });

  test("is not another session's whose attempt it renews, and that one keeps it when this one ends", async () => {
    await using first = await start();
    const { attempt } = await succeed(first, "get_next_task");
    {
      await using second = await connectTools({ ...server, defaultProject: `project-${projects}`, holds: true });
      expect(await succeed(second, "renew_task_lease", { task_id: "TASK-001", attempt })).toMatchObject({ attempt });
    }
    const done = await succeed(first, "update_task_status", { task_id: "TASK-001", status: "completed" });
    expect(done).toMatchObject({ updated_task: { status: "completed" } });
  });

  test("stays its own when it renews with the attempt it was given", async () => {
    await using tools = await start();
    const { attempt } = await succeed(tools, "get_next_task");
    await succeed(tools, "renew_task_lease", { task_id: "TASK-001", attempt, lease_seconds: 900 });
    expect(tools.session.find("TASK-001", undefined, undefined)).toMatchObject({ attempt, leaseSeconds: 900 });
  });

  test("can be taken anew by name: an old attempt does not fence off the new claim", async () => {
    await using tools = await start();
    const { attempt } = await succeed(tools, "get_next_task");
    const again = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "in_progress" });
    expect(again).toMatchObject({ attempt });
    await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "pending" });
    const anew = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "in_progress" });
    expect(anew["attempt"]).not.toBe(attempt);
  });
});

describe("who holds tasks already", () => {
  test("is told which, and by which session, when it looks or claims", async () => {
    await using dead = await start(["a", "b", "c"].map((description) => ({ description })));
    const project_id = `project-${projects}`;
    await succeed(dead, "get_next_task", { worker: "claude" });
    await using tools = await connectTools({ ...server, defaultProject: project_id, holds: true });
    const left = { task_id: "TASK-001", project_id, worker: "claude", lease_expires_at: expect.any(String) };
    const looked = await succeed(tools, "get_next_task", { worker: "claude", claim: false });
    expect(looked["holding"]).toEqual([{ ...left, this_session: false }]);

    const claimed = await succeed(tools, "get_next_task", { worker: "claude" });
    expect(claimed).toMatchObject({ task: { task_id: "TASK-002" }, holding: looked["holding"] });
    expect(claimed["next"]).toMatch(/You hold one other task already.*take_over/);

    const taken = { task_id: "TASK-003", status: "in_progress", worker: "claude" };
    const third = await succeed(tools, "update_task_status", taken);
    const own = { task_id: "TASK-002", this_session: true };
    expect(third).toMatchObject({ holding: [own, { task_id: "TASK-001", this_session: false }] });
    expect(third["next"]).toContain("You hold 2 other tasks already");

    const twin = await succeed(tools, "get_next_task", { worker: "twin" });
    expect(twin["holding"]).toBeUndefined();
    expect(twin["next"]).not.toContain("You hold");
  });

  test("takes over what a dead session left, once that was silent for half its lease", async () => {
    await using dead = await start();
    const args = { task_id: "TASK-001", status: "in_progress", project_id: `project-${projects}`, worker: "claude" };
    const { attempt } = await succeed(dead, "get_next_task", { worker: "claude" });
    await using tools = await connectTools({ ...server, holds: true });
    const plain = await tools.call("update_task_status", args);
    expect(plain.text).toMatch(
      /^Lease of TASK-001 lost: .*take_over is possible from .*held by claude.* kept\. If that session lives, .* repeat the call with take_over true then\.$/,
    );
    const early = await tools.call("update_task_status", { ...args, take_over: true });
    expect(early.text).toMatch(/may be at work; unless it renews, take_over is possible from/);
    const stranger = await tools.call("update_task_status", { ...args, take_over: true, worker: "twin" });
    expect(stranger.text).toContain("take_over is for what your own key holds under the same worker name");
    for (const { failed } of [plain, early, stranger]) expect(failed).toBe(true);

    const owner = await connectOwner(server.test);
    await owner.pass(301);
    const { attempt: mine, ...taken } = await succeed(tools, "update_task_status", { ...args, take_over: true });
    expect(taken).toMatchObject({ updated_task: { status: "in_progress" } });
    expect(taken).toMatchObject({ briefing: { attempts: [{ number: 1, outcome: "superseded" }] } });
    const late = await dead.call("update_task_status", { task_id: "TASK-001", status: "completed", attempt });
    expect([late.failed, late.text]).toEqual([true, expect.stringContaining("call get_next_task for another")]);
    await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "completed", attempt: mine });
  });
});

describe("add_task", () => {
  test("tells the project, and of one that it made the names that are like it", async () => {
    await using tools = await start();
    const known = `project-${projects}`;
    const added = await succeed(tools, "add_task", { tasks: [{ description: "x" }] });
    expect(added).toEqual({
      project_id: known,
      next: expect.stringContaining("get_next_task"),
      tasks_added: 1,
      task_ids: ["TASK-002"],
    });

    await succeed(tools, "add_task", { project_id: "checkout-service", tasks: [{ description: "x" }] });
    const misspelt = { project_id: "chekout-servce", tasks: [{ description: "x" }] };
    const made = await succeed(tools, "add_task", misspelt);
    expect(made).toMatchObject({ project_id: "chekout-servce", created: true, tasks_added: 1 });
    expect(made["next"]).toMatch(/Created.*chekout-servce is like checkout-service\. If you meant one that exists/);
    expect(await succeed(tools, "add_task", misspelt)).not.toHaveProperty("created");

    const unlike = await succeed(tools, "add_task", { project_id: "zzz", tasks: [{ description: "x" }] });
    expect(unlike).toMatchObject({ created: true, next: expect.not.stringContaining("is like") });
  });

  test("adds sub-artifacts to the client's project, which it creates when missing", async () => {
    await using tools = await start([]);
    const item = { artifact_id: "HLS-006", artifact_type: "hls", generator: "hls-generator", parent_id: "PRD-006" };
    const added = await succeed(tools, "add_task", { tasks: [{ ...item, status: "pending" }] });
    expect(added).toMatchObject({ tasks_added: 1, task_ids: ["TASK-001"] });
    const made = { generator_name: "hls-generator", artifact_id: "HLS-006", expected_outputs: ["HLS-006"] };
    expect(await succeed(tools, "get_task", { task_id: "TASK-001" })).toMatchObject({ task: made });
  });

  test("needs no default project when every item names its own", async () => {
    await using tools = await connectTools(server);
    const project_id = `project-${++projects}`;
    expect(await succeed(tools, "add_task", { tasks: [{ description: "x", project_id }] })).toMatchObject({
      tasks_added: 1,
    });
  });

  test("tells the attempt of what was added as in progress", async () => {
    await using tools = await start([]);
    const tasks = [{ description: "x" }, { description: "y", status: "in_progress" }];
    const added = await succeed(tools, "add_task", { tasks, lease_seconds: 60 });
    expect(added).toMatchObject({ claimed: [{ task_id: "TASK-002", attempt: ATTEMPT }] });
    expect(tools.session.find("TASK-002", undefined, undefined)).toMatchObject({ leaseSeconds: 60 });
  });
});

describe("artifact IDs", () => {
  test("are reserved, confirmed in part, and taken one by one", async () => {
    await using tools = await start([]);
    const reserved = await succeed(tools, "reserve_id_range", { artifact_type: "us", count: 2 });
    expect(reserved).toMatchObject({ reserved_ids: ["US-001", "US-002"], expires_at: expect.any(String) });
    expect(reserved["next"]).toContain(`confirm_reservation until ${reserved["expires_at"]}`);
    const { reservation_id } = reserved;
    const confirmed = await succeed(tools, "confirm_reservation", { reservation_id, ids: ["US-001"] });
    expect(confirmed).toMatchObject({ reservation_id, confirmed_ids: ["US-001"], released_ids: ["US-002"] });
    const taken = await succeed(tools, "get_next_available_id", { artifact_type: "US", project_id: "None" });
    expect(taken).toMatchObject({ id: "US-002", note: expect.stringMatching(/"None" counts as left out\..*reused/) });
  });

  test("that are held for longer are told until when they can be confirmed", async () => {
    await using tools = await start([]);
    const { reservation_id } = await succeed(tools, "reserve_id_range", { artifact_type: "US", count: 1 });
    const held = await succeed(tools, "confirm_reservation", { reservation_id, extend_seconds: 3_600 });
    expect(held["next"]).toContain(`confirm_reservation until ${held["expires_at"]}`);
  });

  test("are never made up when an answer lacks one", async () => {
    const reserved = { reservedIds: ["US-001"], reservation: { reservationId: "r" }, replayed: false };
    await using docket = await scriptedDocket({ reserveIds: () => reserved });
    await using tools = await connectTools({ url: docket.url, defaultProject: "alpha" });
    const { failed, text } = await tools.call("reserve_id_range", { artifact_type: "US", count: 1 });
    expect(failed).toBe(true);
    expect(text).toContain("Docket answered without an expiry");
  });
});

describe("list_tasks", () => {
  test("looks for a text of up to 1,000 characters", async () => {
    await using tools = await start();
    expect(await succeed(tools, "list_tasks", { text: "x".repeat(1_000) })).toMatchObject({ total: 0 });
    expect(await tools.call("list_tasks", { text: "x".repeat(1_001) })).toMatchObject({
      failed: true,
      text: expect.stringMatching(/: text must have at most 1000 characters, not "x{10,}/),
    });
  });

  test("is short unless asked for all, and counts on the first page only", async () => {
    const long = { title: "Short", description: `${"x".repeat(159)}🚀${"x".repeat(340)}`, labels: ["api"] };
    await using tools = await start([long, long, { description: "other" }]);
    const first = await succeed(tools, "list_tasks", { status: "pending", labels: ["api"], text: "xxx", limit: 1 });
    const shown = { title: "Short", description: `${"x".repeat(159)}…`, labels: ["api"], task_id: "TASK-001" };
    expect(first).toMatchObject({ total: 2, tasks: [shown], read_on: expect.stringContaining("get_task") });
    expect(first["next"]).toContain("next_cursor");
    const page = { labels: ["api"], cursor: first["next_cursor"], detail: "full" };
    const second = await succeed(tools, "list_tasks", page);
    expect(second).toMatchObject({ tasks: [{ task_id: "TASK-002", description: long.description }] });
    for (const member of ["total", "next_cursor", "next", "read_on"]) expect(second).not.toHaveProperty(member);
  });

  test("reads the texts that only a full list shows for that alone", async () => {
    const read: string[] = [];
    const reading = (field: string, value: unknown) => () => {
      read.push(field);
      return value;
    };
    const node = { ...task, contextNotes: reading("context notes", null), inputs: reading("inputs", []) };
    const edges = [{ cursor: "c", node: { ...node, completionNotes: reading("completion notes", null) } }];
    const tasks = () => ({ totalCount: 1, edges, pageInfo: { endCursor: "c", hasNextPage: false } });
    await using docket = await scriptedDocket({ tasks });
    await using tools = await connectTools({ url: docket.url });
    const first = await succeed(tools, "list_tasks");
    expect(first).toMatchObject({ tasks: [{ task_id: "TASK-046", description: "Generate HLS-007" }] });
    expect(read).toEqual([]);
    await succeed(tools, "list_tasks", { detail: "full" });
    expect(read.sort()).toEqual(["completion notes", "context notes", "inputs"]);
  });

  test("covers the default project, one named, or all", async () => {
    await using other = await start();
    await using tools = await start();
    const [alpha, beta] = [`project-${projects - 1}`, `project-${projects}`];
    const projectsOf = async (args: object) => {
      const { tasks } = await succeed(tools, "list_tasks", { ...args, limit: 100 });
      return (tasks as { project_id: string }[]).map(({ project_id }) => project_id);
    };
    expect(await projectsOf({})).toEqual([beta]);
    expect(await projectsOf({ project_id: alpha })).toEqual([alpha]);
    expect(await projectsOf({ all_projects: true })).toEqual(expect.arrayContaining([alpha, beta]));
    await succeed(other, "list_tasks");
  });
});

/** Answers of a server whose faults are the point. */
const task = {
  taskId: "TASK-046",
  projectId: "alpha",
  status: "IN_PROGRESS",
  description: "Generate HLS-007",
  inputs: [],
  expectedOutputs: [],
  labels: [],
  metadata: {},
  priority: 2,
  project: { leaseSeconds: 3600 },
};

describe("a lost answer", () => {
  test("is asked for again under the same key, within the call and by the model's next one", async () => {
    const root = { claimNextTask: () => ({ task, attempt: "1-9f86d081884c", holding: [], replayed: true }) };
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
    ["QUERY_TOO_COMPLEX", "The answer would be larger than 16 MB"],
  ])("may be what %s stands for, so the model's next call has the same key", async (code, message) => {
    const faults = [new GraphQLError(message, { extensions: { code } })];
    const root = {
      claimNextTask: () => faults.shift() ?? { task, attempt: "1-9f86d081884c", holding: [], replayed: true },
    };
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
    const root = {
      claimNextTask: () => faults.shift() ?? { task, attempt: "1-9f86d081884c", holding: [], replayed: true },
    };
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
