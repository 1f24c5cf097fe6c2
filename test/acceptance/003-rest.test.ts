import { describe, expect, it, onTestFinished } from "vitest";
import { nextOf, readEvents } from "../support/event-stream.ts";
import { connectOwner } from "../support/owner.ts";
import { rest, restTask } from "../support/rest.ts";
import { makeProject, startTestServer } from "../support/server.ts";

const whole = expect.objectContaining({ taskId: "TASK-001", description: "Buy milk" });

const inDays = (days: number) => `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)}T09:00:00.000Z`;

describe("Recurring task automation", () => {
  it('Create recurring task with "daily:" pattern via API, first task instance created immediately: POST /api/v1/tasks answers both', async () => {
    const server = await makeProject(await startTestServer(), []);
    const { projectId: project_id } = server;
    const [due, end] = [inDays(2), inDays(30).slice(0, 10)];
    const said = { description: "Water the plants", due_date: due };
    const { status, body } = await rest(server, "POST /api/v1/tasks", {
      body: { ...said, project_id, recurrence_pattern: "daily:", recurrence_end_date: end },
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      success: true,
      task: restTask(project_id, {
        ...{ ...said, task_id: "TASK-001", recurrence_pattern: expect.stringMatching(/^daily:?$/) },
        ...{ recurrence_end_date: end, recurrence_time_zone: "UTC", catch_up: "one" },
      }),
      first_instance: restTask(project_id, {
        ...{ ...said, task_id: "TASK-002", parent_recurring_task_id: "TASK-001" },
        ...{ occurrence_date: due.slice(0, 10), created_by: expect.anything() },
      }),
    });
    // What is handed out is the instance.
    expect((await rest(server, `GET /tasks/next?project=${project_id}`)).body["task"]).toMatchObject({
      task_id: "TASK-002",
    });
    const changed = await rest(server, "PATCH /tasks/TASK-001", {
      body: { catch_up: "all", recurrence_pattern: "weekly:MON" },
    });
    expect(changed).toMatchObject({
      status: 200,
      body: { updated_task: { catch_up: "all", recurrence_pattern: "weekly:MON" } },
    });
  });
});

describe("Due date reminders", () => {
  it("Create task with due_date and reminder_offset via API: it is scheduled, moves with its task and is cancelled with it", async () => {
    const server = await makeProject(await startTestServer(), []);
    const { projectId: project_id } = server;
    const owner = await connectOwner(server.test);
    const reminders = async () =>
      (await owner.query("SELECT task_id, trigger_at, status FROM reminder_schedule ORDER BY trigger_at")).rows;
    const said = { description: "Pay the rent", due_date: inDays(2), reminder_offset: "1 hour" };
    const created = await rest(server, "POST /api/v1/tasks", { body: { ...said, project_id } });
    expect(created.body).toEqual({
      success: true,
      task: restTask(project_id, {
        ...{ ...said, task_id: "TASK-001", reminder_offsets: ["1 hour"], reminder_status: "pending" },
      }),
      first_instance: null,
    });
    const hourBefore = (due: string) => new Date(Date.parse(due) - 3_600_000);
    expect(await reminders()).toEqual([
      { task_id: "TASK-001", trigger_at: hourBefore(said.due_date), status: "pending" },
    ]);
    await rest(server, "PATCH /api/v1/tasks/TASK-001", { body: { due_date: inDays(3) } });
    expect(await reminders()).toEqual([{ task_id: "TASK-001", trigger_at: hourBefore(inDays(3)), status: "pending" }]);
    await rest(server, "DELETE /api/v1/tasks/TASK-001");
    expect(await reminders()).toMatchObject([{ status: "cancelled" }]);

    for (const [body, error] of [
      [{ due_date: "2020-01-01T00:00:00Z" }, "Due date must be in the future"],
      [{ reminder_offset: "1 hour" }, "Reminder offset requires a due date"],
    ] as const)
      expect(await rest(server, "POST /tasks", { body: { description: "x", project_id, ...body } })).toMatchObject({
        status: 400,
        body: { success: false, error: expect.stringContaining(error), code: "BAD_USER_INPUT" },
      });
  });
});

describe("Real-time notifications", () => {
  it("Open SSE connection with GET /api/v1/notifications/stream, create task via API, receive notification", async () => {
    const server = await makeProject(await startTestServer(), []);
    const caller = new AbortController();
    onTestFinished(() => caller.abort());
    const response = await fetch(`${server.url}/api/v1/notifications/stream`, {
      headers: { authorization: `Bearer ${server.agentKey}` },
      signal: caller.signal,
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    const created = await rest(server, "POST /api/v1/tasks", {
      body: { project_id: server.projectId, description: "Buy milk" },
      headers: { "x-request-id": "milk" },
    });
    expect(created.body).toEqual({
      success: true,
      task: restTask(server.projectId, { task_id: "TASK-001", description: "Buy milk" }),
      first_instance: null,
    });
    const { event, id, data } = await nextOf(readEvents(response.body));
    expect([event, id]).toEqual(["task.created", expect.any(String)]);
    expect(JSON.parse(data)).toEqual({
      event_id: expect.any(String),
      event_type: "task.created",
      task_id: "TASK-001",
      user_id: expect.stringMatching(/\/agent$/),
      timestamp: expect.any(String),
      payload: expect.objectContaining({ task: whole }),
      correlation_id: "milk",
    });
  });
});

describe("Comprehensive audit logging", () => {
  it("Query audit endpoint returns chronological history: GET /api/v1/audit/tasks/{task_id}, of a deleted task, too, in pages", async () => {
    const server = await makeProject(await startTestServer(), []);
    const { projectId: project_id } = server;
    const steps = [
      ["POST /tasks", { project_id, description: "Buy milk" }],
      ["PATCH /tasks/TASK-001", { title: "Milk", priority: 0 }],
      ["PUT /tasks/TASK-001/status", { status: "in_progress" }],
      ["PUT /tasks/TASK-001/status", { status: "completed", completion_notes: "two litres" }],
      ["DELETE /tasks/TASK-001", undefined],
    ] as const;
    for (const [i, [asked, body]] of steps.entries())
      expect(await rest(server, asked, { body, headers: { "x-request-id": `step-${i}` } })).toMatchObject({
        status: 200,
      });
    const event = (step: number, event_type: string, payload: unknown) => ({
      event_id: expect.any(String),
      event_type,
      task_id: "TASK-001",
      user_id: expect.stringMatching(/\/agent$/),
      timestamp: expect.any(String),
      payload,
      correlation_id: `step-${step}`,
    });
    const events = [
      event(0, "task.created", expect.objectContaining({ task: whole })),
      event(1, "task.updated", { changes: { title: { old: null, new: "Milk" }, priority: { old: 2, new: 0 } } }),
      event(2, "task.claimed", expect.objectContaining({ attempt: 1 })),
      event(3, "task.completed", expect.objectContaining({ task: whole })),
      event(4, "task.deleted", expect.objectContaining({ task: whole })),
    ];
    const { body } = await rest(server, "GET /api/v1/audit/tasks/TASK-001");
    expect(body).toEqual({ success: true, task_id: "TASK-001", events, count: 5, next_cursor: null });
    const times = (body["events"] as { timestamp: string }[]).map(({ timestamp }) => Date.parse(timestamp));
    expect(times).toEqual(times.toSorted((a, b) => a - b));

    const first = await rest(server, `GET /audit/tasks/task-001?project=${project_id}&limit=3`);
    expect(first.body).toEqual({
      ...{ success: true, task_id: "TASK-001", events: events.slice(0, 3), count: 3 },
      next_cursor: expect.any(String),
    });
    const second = await rest(server, `GET /audit/tasks/TASK-001?limit=3&cursor=${first.body["next_cursor"]}`);
    expect(second.body).toEqual({
      ...{ success: true, task_id: "TASK-001", events: events.slice(3), count: 2, next_cursor: null },
    });
    expect(await rest(server, "GET /audit/tasks/TASK-002")).toMatchObject({
      status: 404,
      body: { success: false, error: "Task TASK-002 not found", task_id: "TASK-002" },
    });
  });
});
