import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

/** A server on the eve of a day, in UTC, that is far from any other day. */
async function serverAt(instant: string, jobs = "recurrences") {
  const server = await startTestServer({ env: { DOCKET_JOBS: jobs } });
  const owner = await connectOwner(server.test);
  const now = async () => (await owner.query<{ now: Date }>("SELECT docket_now() AS now")).rows[0]?.now ?? new Date();
  const until = async (to: string) => owner.pass((Date.parse(to) - (await now()).getTime()) / 1_000);
  await until(instant);
  return { server, owner, until };
}

const ADD = `mutation ($tasks: [AddTaskItem!]!) {
  addTasks(input: {projectId: "alpha", createProject: true, tasks: $tasks}) {
    taskIds tasks { taskId recurrencePattern recurrenceTimeZone catchUp parentRecurringTaskId occurrenceDate }
  }
}`;
const INSTANCES = `{ task(projectId: "alpha", taskId: "TASK-001") { instances { totalCount nodes {
  taskId description dueDate parentRecurringTaskId occurrenceDate recurrencePattern ready template { taskId } } } } }`;

interface Instances {
  readonly task: { readonly instances: { readonly totalCount: number; readonly nodes: Record<string, unknown>[] } };
}

const DAILY = { description: "Water the plants", dueDate: "2027-06-01T09:00:00Z", recurrencePattern: "daily:" };

async function withDailyTask(jobs?: string) {
  const at = await serverAt("2027-05-31T12:00:00Z", jobs);
  const began = performance.now();
  const added = await at.server.ask<{ addTasks: { taskIds: string[]; tasks: unknown[] } }>(ADD, { tasks: [DAILY] });
  const tookMs = performance.now() - began;
  const instances = async () => (await at.server.ask<Instances>(INSTANCES)).task.instances;
  return { ...at, added: added.addTasks, tookMs, instances };
}

// One test per line of "User Story 1 Success".
describe("Recurring task automation", () => {
  it('Create recurring task with "daily:" pattern via API: the answer names the template', async () => {
    const { added } = await withDailyTask();
    expect(added).toEqual({
      taskIds: ["TASK-001"],
      tasks: [
        {
          ...{ taskId: "TASK-001", recurrencePattern: "daily:", recurrenceTimeZone: "UTC", catchUp: "ONE" },
          ...{ parentRecurringTaskId: null, occurrenceDate: null },
        },
      ],
    });
  });

  it("First task instance created immediately: within a second, and an agent may claim it", async () => {
    const { server, tookMs, instances } = await withDailyTask();
    expect(tookMs).toBeLessThan(1_000);
    expect(await instances()).toEqual({
      totalCount: 1,
      nodes: [
        {
          ...{ taskId: "TASK-002", description: "Water the plants", dueDate: "2027-06-01T09:00:00.000Z" },
          ...{ parentRecurringTaskId: "TASK-001", occurrenceDate: "2027-06-01", recurrencePattern: null, ready: true },
          template: { taskId: "TASK-001" },
        },
      ],
    });
    const claimed = await server.ask('mutation { claimNextTask(input: {projectId: "alpha"}) { task { taskId } } }');
    expect(claimed).toEqual({ claimNextTask: { task: { taskId: "TASK-002" } } });
  });

  it("Recurring Task Processor generates new instance next day, and one a day from then on", async () => {
    const { until, instances } = await withDailyTask();
    for (const day of [2, 3]) {
      await until(`2027-06-0${day}T00:00:00Z`);
      await eventually(async () =>
        expect((await instances()).nodes.map(({ occurrenceDate }) => occurrenceDate)).toEqual(
          Array.from({ length: day }, (_, i) => `2027-06-0${day - i}`),
        ),
      );
    }
  });

  it("task.created events published for each instance: to a stream that follows the project", async () => {
    const { server, until, instances } = await withDailyTask();
    await until("2027-06-02T00:00:00Z");
    await eventually(async () => expect((await instances()).totalCount).toBe(2));
    const { events } = await server.ask<{ events: { events: { type: string; task: unknown; actor: string }[] } }>(
      `{ events(filter: {projects: ["alpha"], types: ["task.created"]}) {
        events { type actor task { taskId parentRecurringTaskId occurrenceDate } } } }`,
    );
    const of = (taskId: string, day: string) => ({
      task: { taskId, parentRecurringTaskId: "TASK-001", occurrenceDate: day },
    });
    expect(events.events).toMatchObject([
      { task: { taskId: "TASK-001" } },
      of("TASK-002", "2027-06-01"),
      { ...of("TASK-003", "2027-06-02"), actor: "server" },
    ]);
  });

  it("Database shows parent_recurring_task_id and occurrence_date set correctly, and has no second one of a date", async () => {
    const { owner } = await withDailyTask();
    const { rows } = await owner.query(
      `SELECT task_id, parent_recurring_task_id, occurrence_date::text, recurrence_pattern, is_template FROM tasks ORDER BY 1`,
    );
    const template = { parent_recurring_task_id: null, occurrence_date: null, recurrence_pattern: "daily:" };
    const instance = { parent_recurring_task_id: "TASK-001", occurrence_date: "2027-06-01", recurrence_pattern: null };
    expect(rows).toEqual([
      { task_id: "TASK-001", ...template, is_template: true },
      { task_id: "TASK-002", ...instance, is_template: false },
    ]);
    const again = owner.query(
      `INSERT INTO tasks (project_id, task_id, description, parent_recurring_task_id, occurrence_date)
       VALUES ('alpha', 'TASK-900', 'again', 'TASK-001', '2027-06-01')`,
    );
    await expect(again).rejects.toMatchObject({ constraint: "uniq_recurring_instance" });
  });

  it("Switched off, it loses nothing: existing tasks stay as they are, and it goes on when it is on again", async () => {
    const { server, until, instances } = await withDailyTask("-recurrences");
    await until("2027-06-03T10:00:00Z");
    await server.ask('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "other"}]}) { taskIds } }');
    expect((await instances()).totalCount).toBe(1);
    const on = await startTestServer({ test: server.test, env: { DOCKET_JOBS: "recurrences" } });
    await eventually(async () => {
      const { task } = await on.ask<Instances>(INSTANCES);
      expect(task.instances.nodes.map(({ occurrenceDate }) => occurrenceDate)).toEqual(["2027-06-03", "2027-06-01"]);
    });
  });

  it("previews, pauses, resumes, skips, and tells what is wrong with a pattern", async () => {
    const { server } = await serverAt("2027-05-31T12:00:00Z");
    await server.ask(ADD, {
      tasks: [
        {
          ...DAILY,
          recurrencePattern: "weekly:MON,WED",
          recurrenceTimeZone: "Europe/Berlin",
          recurrenceEndDate: "2027-06-16",
          catchUp: "ALL",
        },
      ],
    });
    const upcoming = async (more = "first: 2") =>
      (
        await server.ask<{ upcomingOccurrences: unknown }>(
          `{ upcomingOccurrences(projectId: "alpha", taskId: "TASK-001", ${more}) { date dueDate task { taskId } } }`,
        )
      ).upcomingOccurrences;
    const at = (date: string, taskId: string | null = null) => ({
      ...{ date, dueDate: `${date}T09:00:00.000Z` },
      task: taskId === null ? null : { taskId },
    });
    expect(await upcoming()).toEqual([at("2027-06-02", "TASK-002"), at("2027-06-07")]);
    const call = (document: string) =>
      server.ask(
        `mutation { ${document}(input: {projectId: "alpha", taskId: "TASK-001"}) { task { recurrencePausedAt } } }`,
      );
    await call("pauseRecurrence");
    expect(await upcoming()).toEqual([at("2027-06-02", "TASK-002")]);
    expect(await call("resumeRecurrence")).toEqual({ resumeRecurrence: { task: { recurrencePausedAt: null } } });
    await server.ask(
      'mutation { skipOccurrence(input: {projectId: "alpha", taskId: "TASK-001", date: "2027-06-07"}) { task { taskId } } }',
    );
    expect(await upcoming('first: 5, after: "2027-06-02"')).toEqual(
      ["2027-06-09", "2027-06-14", "2027-06-16"].map((date) => at(date)),
    );
    const { errors } = await server.gql(ADD, { tasks: [{ ...DAILY, recurrencePattern: "weekly:MON,DAY" }] });
    expect(errors?.[0]).toMatchObject({
      message: 'tasks[0].recurrencePattern: "DAY" is no weekday; give MON to SUN, as in weekly:MON,WED,FRI',
      extensions: { code: "BAD_USER_INPUT" },
    });
  });
});
