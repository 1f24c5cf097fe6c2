import { describe, expect, it } from "vitest";
import { startEndpoint } from "../delivery/webhooks/endpoint.ts";
import { connectTools } from "../mcp/connect.ts";
import { nextOf, type ServerSentEvent, subscribe } from "../support/event-stream.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const HOUR = 3_600;
const OF_ALPHA = 'projectId: "alpha"';
const TASK = "task { taskId dueDate reminderOffset reminderStatus reminders { reminderId offset status triggerAt } }";

interface Reminded {
  readonly reminderOffset: string;
  readonly reminderStatus: string;
  readonly reminders: readonly { reminderId: string; offset: string; status: string; triggerAt: string }[];
}

/** An instant so many seconds from the server's now. */
async function ahead(owner: Owner, seconds: number): Promise<string> {
  const { rows } = await owner.query<{ at: Date }>("SELECT docket_now() + make_interval(secs => $1) AS at", [seconds]);
  return rows[0]?.at.toISOString() ?? "";
}

/** A server that does all its jobs, with a task that is due in two hours and reminds of that an hour before. */
async function afterCreation(env: Record<string, string> = {}) {
  const server = await startTestServer({ env: { DOCKET_JOBS: "reminders,webhooks", ...env } });
  const owner = await connectOwner(server.test);
  const dueDate = await ahead(owner, 2 * HOUR);
  const { added } = await server.ask<{ added: { tasks: (Reminded & { dueDate: string })[] } }>(
    `mutation { added: addTasks(input: {${OF_ALPHA}, createProject: true, tasks: [
       {description: "Report", dueDate: "${dueDate}", reminderOffset: "1 hour"}]}) { ${TASK.replace("task", "tasks")} } }`,
  );
  const [task] = added.tasks;
  if (!task) throw new Error("Nothing was added");
  return { server, owner, dueDate, task };
}

const triggered = async ({ ask }: TestServer) => {
  const { events } = await ask<{ events: { events: { payload: Record<string, unknown> }[] } }>(
    '{ events(filter: {projects: ["alpha"], types: ["task.reminder.triggered"]}) { events { payload } } }',
  );
  return events.events.map(({ payload }) => payload);
};

/** Waits until the job has looked at the time as it is now. */
async function looked({ ask }: TestServer, owner: Owner, key: string) {
  const now = new Date(await ahead(owner, 0));
  await eventually(async () => {
    // It may have looked just before; the clock tells it to look again.
    await owner.pass(0);
    const { jobs } = await ask<{ jobs: { name: string; steps: { lastRunAt: string | null }[] }[] }>(
      "{ jobs { name steps { lastRunAt } } }",
      {},
      { key },
    );
    const at = jobs.find(({ name }) => name === "reminders")?.steps[0]?.lastRunAt;
    expect(new Date(at ?? 0).getTime()).toBeGreaterThan(now.getTime());
  });
}

// One test per line of "User Story 2 Success".
describe("Due date reminders", () => {
  it("Create task with due_date and reminder_offset via API: it shows both, and the reminder", async () => {
    const { dueDate, task } = await afterCreation();
    const triggerAt = new Date(new Date(dueDate).getTime() - HOUR * 1_000).toISOString();
    expect(task).toEqual({
      taskId: "TASK-001",
      dueDate,
      reminderOffset: "1 hour",
      reminderStatus: "PENDING",
      reminders: [{ reminderId: expect.any(String), offset: "1 hour", status: "PENDING", triggerAt }],
    });
  });

  it("Reminder Service schedules reminder in priority queue: the list has it in the order of time, and the job waits for it", async () => {
    const { server, owner, task } = await afterCreation();
    const sooner = await ahead(owner, HOUR);
    await server.ask(
      `mutation { addTasks(input: {${OF_ALPHA}, tasks: [{description: "Sooner", dueDate: "${sooner}", reminders: [{offset: "PT30M"}]}]}) { replayed } }`,
    );
    const { reminders } = await server.ask<{ reminders: unknown }>(
      '{ reminders(filter: {projects: ["alpha"], status: {in: [PENDING]}}, first: 20) { totalCount nodes { triggerAt task { taskId } } } }',
    );
    const soonest = new Date(new Date(sooner).getTime() - 1_800_000).toISOString();
    expect(reminders).toEqual({
      totalCount: 2,
      nodes: [
        { triggerAt: soonest, task: { taskId: "TASK-002" } },
        { triggerAt: task.reminders[0]?.triggerAt, task: { taskId: "TASK-001" } },
      ],
    });
    // The job is told of what comes within its half minute, without looking again and again.
    await owner.pass(1_790);
    await looked(server, owner, server.adminKey);
    expect(await triggered(server)).toEqual([]);
    await owner.pass(10);
    await eventually(async () => expect(await triggered(server)).toMatchObject([{ offset: "PT30M" }]));
  });

  it("reminder_schedule table has pending reminder entry", async () => {
    const { owner, task } = await afterCreation();
    const { rows, fields } = await owner.query("SELECT * FROM reminder_schedule");
    expect(rows).toMatchObject([
      {
        reminder_id: task.reminders[0]?.reminderId,
        task_id: "TASK-001",
        user_id: expect.stringMatching(/\/agent$/),
        trigger_at: new Date(task.reminders[0]?.triggerAt ?? 0),
        reminder_type: "due_date_reminder",
        status: "pending",
      },
    ]);
    expect(fields.map(({ name }) => name)).toEqual(expect.arrayContaining(["created_at", "updated_at"]));
    expect((await owner.query("SELECT reminder_offset, reminder_status FROM tasks")).rows).toEqual([
      { reminder_offset: "1 hour", reminder_status: "pending" },
    ]);
  });

  it("Reminder fires at correct time, publishes task.reminder.triggered event to streams, webhooks and agents, once", async () => {
    const { server, owner, dueDate, task } = await afterCreation({ DOCKET_WEBHOOK_PRIVATE_NETWORKS: "127.0.0.0/8" });
    const endpoint = await startEndpoint();
    const type = "task.reminder.triggered";
    await server.ask(
      `mutation { createWebhook(input: {url: "${endpoint.url}", types: ["${type}"]}) { secret } }`,
      {},
      { key: server.adminKey },
    );
    const { events } = await subscribe(
      server.url,
      `subscription { taskEvents(filter: {types: ["${type}"]}) { events { type payload task { taskId reminderStatus } } } }`,
      { key: server.agentKey },
    );
    await nextOf(events);
    await using tools = await connectTools({ ...server, defaultProject: "alpha" });
    await owner.pass(HOUR - 30);
    await looked(server, owner, server.adminKey);
    expect(await triggered(server)).toEqual([]);

    const { data: now } = await tools.call("wait_for_changes", { wait_seconds: 0 });
    const { cursor } = now as { cursor: string };
    const waiting = tools.call("wait_for_changes", { cursor, types: [type], wait_seconds: 20 });
    await owner.pass(30);
    const payload = {
      reminderId: task.reminders[0]?.reminderId,
      reminderType: "due_date_reminder",
      offset: "1 hour",
      title: "Report",
    };
    const framesIn = ({ data }: ServerSentEvent) => JSON.parse(data).data.taskEvents.events;
    const [event] = framesIn(await nextOf(events));
    expect(event).toMatchObject({ type, payload, task: { taskId: "TASK-001", reminderStatus: "TRIGGERED" } });
    expect(new Date(event.payload.dueDate).toISOString()).toBe(dueDate);
    expect((await waiting).data).toMatchObject({
      events: [
        {
          type,
          subject: "TASK-001",
          reminder: { reminder_id: payload.reminderId, offset: "1 hour", due_date: dueDate },
        },
      ],
    });
    await eventually(() => expect(endpoint.received).toHaveLength(1));
    expect(endpoint.received[0]?.event).toMatchObject({ subject: "task/TASK-001", data: { payload } });
    expect(await triggered(server)).toHaveLength(1);

    const { done } = await server.ask<{ done: unknown }>(
      `mutation { done: acknowledgeReminder(input: {reminderId: "${payload.reminderId}"}) { reminder { status task { reminderStatus } } } }`,
    );
    expect(done).toEqual({ reminder: { status: "ACKNOWLEDGED", task: { reminderStatus: "ACKNOWLEDGED" } } });
  });

  it("Reminder cancelled when task completed/deleted: neither is ever triggered", async () => {
    const { server, owner, dueDate } = await afterCreation();
    await server.ask(
      `mutation { addTasks(input: {${OF_ALPHA}, tasks: [{description: "Kept", dueDate: "${dueDate}", reminderOffset: "PT1H"},
         {description: "Left", dueDate: "${dueDate}", reminderOffset: "PT1H"}]}) { replayed } }`,
    );
    const change = (mutation: string) =>
      server.ask<{ done: { task: unknown } }>(`mutation { done: ${mutation} { task { reminderStatus } } }`);
    await change(`updateTaskStatus(input: {${OF_ALPHA}, taskId: "TASK-001", status: IN_PROGRESS})`);
    const cancelled = { done: { task: { reminderStatus: "CANCELLED" } } };
    expect(await change(`updateTaskStatus(input: {${OF_ALPHA}, taskId: "TASK-001", status: COMPLETED})`)).toEqual(
      cancelled,
    );
    expect(await change(`deleteTask(input: {${OF_ALPHA}, taskId: "TASK-002"})`)).toEqual(cancelled);
    await owner.pass(HOUR);
    await eventually(async () => expect(await triggered(server)).toMatchObject([{ title: "Left" }]));
    await owner.pass(HOUR);
    await looked(server, owner, server.adminKey);
    expect(await triggered(server)).toHaveLength(1);
  });
});
