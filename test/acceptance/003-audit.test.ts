import { describe, expect, it } from "vitest";
import { fill, partitions, usePartitionsOf } from "../log/small-partitions.ts";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

/** A server whose agent has created, updated, completed and deleted tasks: TASK-001 lived through it all. */
async function afterTheStory() {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  const steps = [
    'addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "Buy milk"}, {description: "Write"}, {description: "Read"}]})',
    'updateTask(input: {taskId: "TASK-001", title: "Milk", priority: 0})',
    'claimNextTask(input: {projectId: "alpha"})',
    'updateTaskStatus(input: {taskId: "TASK-001", status: COMPLETED, completionNotes: "two litres"})',
    'deleteTask(input: {taskId: "TASK-001"})',
    'deleteTask(input: {taskId: "TASK-002"})',
    'updateTask(input: {taskId: "TASK-003", title: "A book"})',
  ];
  const answers: unknown[] = [];
  for (const step of steps) {
    const request = { headers: { "x-request-id": `step-${answers.length}` } };
    answers.push(await server.gql(`mutation { step: ${step} { replayed } }`, {}, request));
  }
  // What has been committed is in the log once anyone reads it.
  await server.log.cursor();
  return { server, owner, answers };
}

const LIFE = ["task.created", "task.updated", "task.claimed", "task.completed", "task.deleted"];

// One test per line of "User Story 4 Success".
describe("Comprehensive audit logging", () => {
  it("Create/update/complete/delete tasks via API: each is done, and answers", async () => {
    const { answers } = await afterTheStory();
    expect(answers).toEqual(Array.from({ length: 7 }, () => ({ data: { step: { replayed: false } } })));
  });

  it("task_events table has entries for each operation, with who did it, when, and in which request", async () => {
    const { server, owner } = await afterTheStory();
    const { rows } = await owner.query(
      `SELECT event_type, task_id, user_id, correlation_id, partition_key = to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM')
         AND abs(extract(epoch FROM docket_now() - timestamp)) < 3600 AS dated
       FROM task_events WHERE task_id = 'TASK-001' ORDER BY timestamp`,
    );
    const steps = [0, 1, 2, 3, 4].map((step) => `step-${step}`);
    expect(rows).toEqual(
      LIFE.map((event_type, i) => ({
        event_type,
        task_id: "TASK-001",
        user_id: expect.stringMatching(/\/agent$/),
        correlation_id: steps[i],
        dated: true,
      })),
    );
    // The columns by the names that auditors ask for; the server's own role reads them as well.
    const { fields } = await server.database.pool.query("SELECT * FROM task_events LIMIT 0");
    const columns =
      "event_id event_type task_id user_id timestamp payload correlation_id partition_key project_id".split(" ");
    expect(fields.map(({ name }) => name)).toEqual(columns);
    // And nobody can change what they say.
    await expect(owner.query("UPDATE task_events SET user_id = 'x'")).rejects.toThrow("immutable");
    await expect(owner.query("DELETE FROM task_events")).rejects.toThrow("immutable");
  });

  it("JSONB payload contains complete event data: the whole task, or what changed from what to what", async () => {
    const { owner } = await afterTheStory();
    const { rows } = await owner.query<{ payload: Record<string, unknown> }>(
      "SELECT payload FROM task_events WHERE task_id = 'TASK-001' ORDER BY timestamp",
    );
    const [created, updated, claimed, completed, deleted] = rows.map(({ payload }) => payload);
    expect(created).toMatchObject({ task: { taskId: "TASK-001", description: "Buy milk", status: "PENDING" } });
    expect(updated).toEqual({ changes: { title: { old: null, new: "Milk" }, priority: { old: 2, new: 0 } } });
    expect(claimed).toMatchObject({ attempt: 1 });
    const whole = { taskId: "TASK-001", title: "Milk", status: "COMPLETED", completionNotes: "two litres" };
    expect(completed).toMatchObject({ task: whole });
    expect(deleted).toMatchObject({ task: { ...whole, deletedAt: expect.any(String) } });
  });

  it("Query audit endpoint returns chronological history: of a task that is there, and of one that was deleted", async () => {
    const { server } = await afterTheStory();
    const events = "caughtUp events { number type actor occurredAt }";
    interface History {
      caughtUp: boolean;
      events: { number: number; type: string; occurredAt: string }[];
    }
    const { events: deleted, task } = await server.ask<{ events: History; task: { history: History } }>(
      `{ events(filter: {projects: ["alpha"], tasks: ["TASK-001"]}) { ${events} }
         task(taskId: "TASK-003") { history { ${events} } } }`,
    );
    expect(deleted.events.map(({ type }) => type)).toEqual(LIFE);
    expect(task.history.events.map(({ type }) => type)).toEqual(["task.created", "task.updated"]);
    for (const { caughtUp, events } of [deleted, task.history]) {
      expect(caughtUp).toBe(true);
      const numbers = events.map(({ number }) => number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      const times = events.map(({ occurredAt }) => Date.parse(occurredAt));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  // Ours are cut by position instead of by month, and made ahead by whoever moves events into the log: by month the log
  // would stop at a month without a partition, and a late event would lie among newer positions. The month stands in
  // task_events.partition_key.
  it("Monthly partitions created automatically: there is always one ahead of the events", async () => {
    const server = await startTestServer();
    const owner = await connectOwner(server.test);
    // No month of this story fills a million.
    await usePartitionsOf(owner, 500);
    const counts: number[] = [];
    for (let month = 0; month < 6; month++) {
      await fill(owner, "alpha", 400);
      const { rows } = await owner.query<{ room: boolean }>(
        "SELECT partitions_end > (SELECT max(position) FROM events) + 500 AS room FROM log_head",
      );
      expect(rows).toEqual([{ room: true }]);
      counts.push((await partitions(owner)).length);
      await owner.pass(31 * 86_400);
    }
    expect(counts.at(-1)).toBeGreaterThan(counts[0] ?? 0);
    const months = await owner.query("SELECT DISTINCT partition_key FROM task_events");
    expect(months.rowCount).toBeGreaterThanOrEqual(6);
  });
});
