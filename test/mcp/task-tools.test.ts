import { describe, expect, test } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { scriptedDocket } from "../support/scripted-docket.ts";
import { OWN_LOCK } from "../support/waiting.ts";
import { connectTools } from "./connect.ts";
import { ATTEMPT, shareSessions, succeed, task } from "./sessions.ts";

const sessions = shareSessions();

describe("get_next_task", () => {
  test("claims, and shows the task with its attempt, what to do, and what earlier attempts left", async () => {
    await using tools = await sessions.start();
    const first = await succeed(tools, "get_next_task", { worker: "a" });
    await succeed(tools, "renew_task_lease", { task_id: "TASK-001", checkpoint: { step: "tests" } });
    await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "pending", notes: "no key" });
    const second = await succeed(tools, "get_next_task", { lease_seconds: 900 });
    expect(second).toEqual({
      attempt: ATTEMPT,
      next: expect.stringContaining("update_task_status completed"),
      task: {
        task_id: "TASK-001",
        project_id: `project-${sessions.projects}`,
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
    await using tools = await sessions.start([{ description: "first" }, { description: "second" }]);
    const owner = await connectOwner(sessions.server.test);
    await owner.query("BEGIN; LOCK TABLE tasks IN EXCLUSIVE MODE");
    const cancelling = new AbortController();
    const next = { name: "get_next_task", arguments: {} };
    const cancelled = tools.client.callTool(next, undefined, { signal: cancelling.signal });
    await expect
      .poll(
        async () =>
          (await owner.query(`SELECT FROM pg_locks WHERE NOT granted AND ${OWN_LOCK} AND relation = 'tasks'::regclass`))
            .rowCount,
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
    await using tools = await sessions.start();
    await succeed(tools, "get_next_task");
    const idle = await succeed(tools, "get_next_task");
    const why = { message: "No pending tasks for project", pending: 0, held: 1, retry_at: expect.any(String) };
    const holding = [expect.objectContaining({ task_id: "TASK-001", this_session: true })];
    expect(idle).toEqual({ task: null, next: expect.stringContaining("wait_for_changes"), holding, ...why });
  });

  test.each([{ claim: false }, { status_filter: "pending", claim: false }])("only looks with %o", async (args) => {
    await using tools = await sessions.start();
    const seen = await succeed(tools, "get_next_task", args);
    expect(seen).toMatchObject({ task: { task_id: "TASK-001", status: "pending" } });
    expect(seen).not.toHaveProperty("attempt");
  });

  test("only looks at tasks that are not pending", async () => {
    await using tools = await sessions.start();
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
    await using tools = await sessions.start();
    const { attempt } = await succeed(tools, "get_next_task");
    const args = { task_id: "TASK-001", status: "completed", notes: "ok", attempt };
    expect(await succeed(tools, "update_task_status", args)).toEqual({
      next: "get_next_task",
      updated_task: {
        task_id: "TASK-001",
        project_id: `project-${sessions.projects}`,
        status: "completed",
        completed_at: expect.any(String),
        completion_notes: "ok",
      },
    });
  });

  test("gives up a task as failed, whatever checkpoint it has, and says what of the call does not go together", async () => {
    await using tools = await sessions.start();
    await succeed(tools, "get_next_task");
    await succeed(tools, "renew_task_lease", { task_id: "TASK-001", checkpoint: { done: "half" } });
    const failed = { task_id: "TASK-001", status: "pending", outcome: "failed", notes: "no database" };
    for (const more of [{ status: "completed" }, { status: "in_progress" }, { reset: true }]) {
      const { failed: refused, text } = await tools.call("update_task_status", { ...failed, ...more });
      expect([refused, text]).toEqual([true, expect.stringContaining("outcome only with status pending")]);
    }
    expect(await succeed(tools, "update_task_status", failed)).toMatchObject({
      updated_task: { task_id: "TASK-001", status: "pending" },
    });
    expect(await succeed(tools, "get_next_task")).toMatchObject({
      briefing: { attempts: [{ number: 1, outcome: "failed", notes: "no database" }], checkpoint: { done: "half" } },
    });
    await succeed(tools, "update_task_status", { ...failed, outcome: "released" });
    const { data } = await tools.call("get_task", { task_id: "TASK-001" });
    expect(data).toMatchObject({ attempts: [{ outcome: "failed" }, { outcome: "released" }] });
  });

  test("shows the whole task when it was taken by name", async () => {
    await using tools = await sessions.start();
    const taken = await succeed(tools, "update_task_status", { task_id: "TASK-001", status: "in_progress" });
    expect(taken).toMatchObject({ attempt: ATTEMPT, updated_task: { inputs: ["PRD-006"] } });
    expect(taken["next"]).toContain("update_task_status completed");
  });
});

describe("get_task", () => {
  test("says of the template of a recurring task that it is one, when it recurs, and what the work is", async () => {
    await using tools = await sessions.start([]);
    const due_date = "2999-03-04T09:00:00Z";
    const recurring = {
      description: "Report",
      due_date,
      recurrence_pattern: "weekly:MON",
      recurrence_end_date: "2999-12-31",
    };
    await succeed(tools, "add_task", { tasks: [recurring, { description: "x" }] });
    const of = (task_id: string) => succeed(tools, "get_task", { task_id });
    const template = await of("TASK-001");
    expect(template).toMatchObject({
      task: { recurrence_pattern: "weekly:MON", recurrence_time_zone: "UTC", recurrence_end_date: "2999-12-31" },
      template: true,
      instances: [{ task_id: "TASK-003", status: "pending", due_date: "2999-03-04T09:00:00.000Z" }],
      next: expect.stringMatching(/template of a recurring task, which nobody claims.*instances are the work/),
    });
    for (const task of ["TASK-002", "TASK-003"]) {
      const { task: shown, ...rest } = await of(task);
      expect(
        Object.keys({ ...Object(shown), ...rest }).filter((name) => /template|recurr|instances/.test(name)),
      ).toEqual([]);
    }
    const done = { task_id: "TASK-001", project_id: `project-${sessions.projects}`, status: "completed" };
    const { failed, text } = await tools.call("update_task_status", done);
    expect([failed, text]).toEqual([true, expect.stringContaining("name one of its instances")]);
  });
});

describe("add_task", () => {
  test("tells the project, and of one that it made the names that are like it", async () => {
    await using tools = await sessions.start();
    const known = `project-${sessions.projects}`;
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
    await using tools = await sessions.start([]);
    const item = { artifact_id: "HLS-006", artifact_type: "hls", generator: "hls-generator", parent_id: "PRD-006" };
    const added = await succeed(tools, "add_task", { tasks: [{ ...item, status: "pending" }] });
    expect(added).toMatchObject({ tasks_added: 1, task_ids: ["TASK-001"] });
    const made = { generator_name: "hls-generator", artifact_id: "HLS-006", expected_outputs: ["HLS-006"] };
    expect(await succeed(tools, "get_task", { task_id: "TASK-001" })).toMatchObject({ task: made });
  });

  test("needs no default project when every item names its own", async () => {
    await using tools = await connectTools(sessions.server);
    const project_id = `project-${++sessions.projects}`;
    expect(await succeed(tools, "add_task", { tasks: [{ description: "x", project_id }] })).toMatchObject({
      tasks_added: 1,
    });
  });

  test("tells the attempt of what was added as in progress", async () => {
    await using tools = await sessions.start([]);
    const tasks = [{ description: "x" }, { description: "y", status: "in_progress" }];
    const added = await succeed(tools, "add_task", { tasks, lease_seconds: 60 });
    expect(added).toMatchObject({ claimed: [{ task_id: "TASK-002", attempt: ATTEMPT }] });
    expect(tools.session.find("TASK-002", undefined, undefined)).toMatchObject({ leaseSeconds: 60 });
  });
});

describe("list_tasks", () => {
  test("looks for a text of up to 1,000 characters", async () => {
    await using tools = await sessions.start();
    expect(await succeed(tools, "list_tasks", { text: "x".repeat(1_000) })).toMatchObject({ total: 0 });
    expect(await tools.call("list_tasks", { text: "x".repeat(1_001) })).toMatchObject({
      failed: true,
      text: expect.stringMatching(/: text must have at most 1000 characters, not "x{10,}/),
    });
  });

  test("is short unless asked for all, and counts on the first page only", async () => {
    const long = { title: "Short", description: `${"x".repeat(159)}🚀${"x".repeat(340)}`, labels: ["api"] };
    await using tools = await sessions.start([long, long, { description: "other" }]);
    const first = await succeed(tools, "list_tasks", { status: "pending", labels: ["api"], text: "xxx", limit: 1 });
    const shown = { title: "Short", description: `${"x".repeat(159)}…`, labels: ["api"], task_id: "TASK-001" };
    expect(first).toMatchObject({ total: 2, tasks: [shown], read_on: expect.stringContaining("get_task") });
    expect(first["next"]).toContain("next_cursor");
    const page = { labels: ["api"], cursor: first["next_cursor"], detail: "full" };
    const second = await succeed(tools, "list_tasks", page);
    expect(second).toMatchObject({ tasks: [{ task_id: "TASK-002", description: long.description }] });
    for (const member of ["total", "next_cursor", "next", "read_on"]) expect(second).not.toHaveProperty(member);
  });

  test("shows what is due by due date, open ones unless told, and no other", async () => {
    await using tools = await sessions.start([]);
    const due = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    const tasks = [
      { description: "later", due_date: due(3) },
      { description: "soon", due_date: due(1), reminder_offset: "1 hour" },
      { description: "next week", due_date: due(8) },
      { description: "some day" },
    ];
    await succeed(tools, "add_task", { tasks: [...tasks, { ...tasks[1], status: "completed" }] });
    const listed = async (args: object) => {
      const { tasks: found } = await succeed(tools, "list_tasks", { ...args });
      return (found as { description: string; due_date?: string }[]).map((one) => [one.description, one.due_date]);
    };
    const soon = ["soon", tasks[1]?.due_date];
    const later = ["later", tasks[0]?.due_date];
    expect(await listed({ due_before: "P7D" })).toEqual([soon, later]);
    expect(await listed({ due_before: due(2) })).toEqual([soon]);
    expect(await listed({ due_before: "P7D", status: "completed" })).toEqual([soon]);
    expect(await listed({ text: "some day" })).toEqual([["some day", undefined]]);
    expect(await tools.call("list_tasks", { due_before: "tomorrow" })).toMatchObject({
      failed: true,
      text: expect.stringContaining("due_before must be an instant like 2026-03-01T09:00:00Z, or a duration like P7D"),
    });
    expect(await tools.call("add_task", { tasks: [{ description: "x", reminder_offset: "1 hour" }] })).toMatchObject({
      failed: true,
      text: expect.stringContaining("Reminder offset requires a due date"),
    });
  });

  test("adds a task that recurs, and lists its first instance", async () => {
    await using tools = await sessions.start([]);
    const recurring = { description: "report", due_date: "2090-01-04T09:00:00Z", recurrence_pattern: "weekly:MON" };
    const added = await succeed(tools, "add_task", { tasks: [{ ...recurring, recurrence_end_date: "2090-01-31" }] });
    expect(added).toMatchObject({ tasks_added: 1, task_ids: ["TASK-001"] });
    expect(await succeed(tools, "list_tasks")).toMatchObject({
      tasks: [{ task_id: "TASK-002", description: "report", due_date: "2090-01-09T09:00:00.000Z" }],
    });
    const often = { ...recurring, recurrence_pattern: "hourly" };
    expect(await tools.call("add_task", { tasks: [often] })).toMatchObject({
      failed: true,
      text: expect.stringMatching(/hourly.*weekly:MON/s),
    });
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
    await using other = await sessions.start();
    await using tools = await sessions.start();
    const [alpha, beta] = [`project-${sessions.projects - 1}`, `project-${sessions.projects}`];
    const projectsOf = async (args: object) => {
      const { tasks } = await succeed(tools, "list_tasks", { ...args, limit: 100 });
      return (tasks as { project_id: string }[]).map(({ project_id }) => project_id);
    };
    expect(await projectsOf({})).toEqual([beta]);
    expect(await projectsOf({ project_id: alpha })).toEqual([alpha]);
    await sessions.start();
    expect((await projectsOf({ project_ids: [alpha, beta] })).toSorted()).toEqual([alpha, beta].toSorted());
    expect(await projectsOf({ all_projects: true })).toEqual(expect.arrayContaining([alpha, beta]));
    await succeed(other, "list_tasks");
  });
});
