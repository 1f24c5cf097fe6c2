import { expect, test } from "vitest";
import { startTestServer } from "../support/server.ts";

type Task = Record<string, unknown>;
interface TaskEvent {
  readonly type: string;
  readonly changes: { field: string; old: unknown; new: unknown }[];
  readonly payload: { task?: Task; attempt?: unknown };
}

/** What every change moves on, and no event tells as a change. */
const withoutCount = ({ version: _, updatedAt: __, ...task }: Task): Task => task;

test("tells with every event that changes a task what each field was and what it is, so that each can be undone", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  const act = async (mutation: string, client = "first") => {
    const { [mutation.split("(")[0] ?? ""]: answer } = await server.ask<Record<string, { attempt?: string }>>(
      `mutation { ${mutation} }`,
      {},
      { client },
    );
    return answer;
  };
  const on = 'projectId: "alpha", taskId: "TASK-001"';
  await act('addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a"}]}) { replayed }');
  await act('claimNextTask(input: {projectId: "alpha", worker: "anna", leaseSeconds: 600}) { attempt }');
  await act(`renewTaskLease(input: {${on}, leaseSeconds: 900, checkpoint: {step: 1}}) { replayed }`);
  await act(`releaseTask(input: {${on}, notes: "tired"}) { replayed }`);
  await act(`updateTask(input: {${on}, title: "New", labels: ["x"]}) { replayed }`);
  await act(`updateTaskStatus(input: {${on}, status: IN_PROGRESS, worker: "ben", leaseSeconds: 60}) { replayed }`);
  await act(`updateTaskStatus(input: {${on}, status: COMPLETED, completionNotes: "done"}) { replayed }`);
  await act(`updateTaskStatus(input: {${on}, status: COMPLETED, completionNotes: "well done"}) { replayed }`);
  await act(`updateTaskStatus(input: {${on}, status: PENDING, reset: true}) { replayed }`);
  await act(`updateTaskStatus(input: {${on}, status: IN_PROGRESS, worker: "carl"}) { replayed }`);
  await act(`deleteTask(input: {${on}}) { replayed }`);

  const { events } = await server.ask<{ events: { events: TaskEvent[] } }>(
    '{ events(filter: {tasks: ["TASK-001"]}) { events { type changes { field old new } payload } } }',
  );
  const [created, ...changed] = events.events;
  expect(changed.map(({ type, changes }) => [type, changes.map(({ field }) => field).sort()])).toEqual([
    ["task.claimed", ["attemptCount", "claimedBy", "leaseExpiresAt", "startedAt", "status"]],
    ["task.checkpointed", ["leaseExpiresAt"]],
    ["task.released", ["claimedBy", "leaseExpiresAt", "status"]],
    ["task.updated", ["labels", "title"]],
    ["task.claimed", ["attemptCount", "claimedBy", "leaseExpiresAt", "status"]],
    ["task.completed", ["claimedBy", "completedAt", "completionNotes", "leaseExpiresAt", "status"]],
    ["task.updated", ["completionNotes"]],
    ["task.reset", ["completedAt", "completionNotes", "status"]],
    ["task.claimed", ["attemptCount", "claimedBy", "leaseExpiresAt", "status"]],
    ["task.deleted", ["claimedBy", "deletedAt", "leaseExpiresAt", "status"]],
  ]);

  // Undone one after the other, from the last one on, they lead back to the task as it was made.
  let task: Task = { ...changed.at(-1)?.payload.task };
  for (const { changes } of changed.toReversed()) {
    expect(changes.map((change) => [change.field, task[change.field]])).toEqual(
      changes.map((change) => [change.field, change.new]),
    );
    task = { ...task, ...Object.fromEntries(changes.map((change) => [change.field, change.old])) };
  }
  expect(withoutCount(task)).toEqual(withoutCount(created?.payload.task ?? {}));
});

test("tells of a lease that a claim ended what its end changed, and then what the claim did, as if the sweep had come first", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  await server.ask(
    'mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a"}]}) { replayed } }',
  );
  await server.ask(
    'mutation { claimNextTask(input: {projectId: "alpha", worker: "anna", leaseSeconds: 1}) { attempt } }',
  );
  await expect
    .poll(
      async () =>
        (
          await server.ask<{ claimNextTask: { attempt: string | null } }>(
            'mutation { claimNextTask(input: {projectId: "alpha", worker: "ben"}) { attempt } }',
          )
        ).claimNextTask.attempt,
      { timeout: 10_000 },
    )
    .toMatch(/^2-/);
  const { events } = await server.ask<{ events: { events: TaskEvent[] } }>(
    '{ events(filter: {types: ["task.lease_expired", "task.claimed"]}) { events { type changes { field old new } payload } } }',
  );
  const [, expired, again] = events.events;
  const leaseExpiresAt = expect.any(String);
  expect(expired).toMatchObject({ type: "task.lease_expired", payload: { worker: "anna", leaseExpiresAt } });
  expect(expired?.changes.toSorted((a, b) => (a.field < b.field ? -1 : 1))).toEqual([
    { field: "claimedBy", old: "anna", new: null },
    { field: "failures", old: 0, new: 1 },
    { field: "leaseExpiresAt", old: leaseExpiresAt, new: null },
    { field: "status", old: "IN_PROGRESS", new: "PENDING" },
  ]);
  expect(again?.type).toBe("task.claimed");
  expect(again?.changes.toSorted((a, b) => (a.field < b.field ? -1 : 1))).toEqual([
    { field: "attemptCount", old: 1, new: 2 },
    { field: "claimedBy", old: null, new: "ben" },
    { field: "leaseExpiresAt", old: null, new: leaseExpiresAt },
    { field: "status", old: "PENDING", new: "IN_PROGRESS" },
  ]);
});
