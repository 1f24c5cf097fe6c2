import { type ExecutionResult, parse, subscribe } from "graphql";
import { createYoga } from "graphql-yoga";
import { expect, test } from "vitest";
import type { GraphQLContext } from "../../schema/context.ts";
import { schema } from "../../schema/index.ts";
import type { Database } from "../../src/db/database.ts";
import { useLogCursorFirst } from "../../src/http/log-cursor-first.ts";
import { eventually } from "../support/eventually.ts";
import { contextsOver } from "./contexts.ts";
import { ADMIN, commit, startLog, type TestLog, taskEvent } from "./test-log.ts";

/** The log behind the schema; `loads` counts the queries for current state. */
async function startSchema() {
  const at = await startLog();
  const loads = { task: 0, project: 0 };
  const database: Database = {
    ...at.database,
    read: (async (...args: Parameters<Database["read"]>) => {
      const name = typeof args[0] === "object" ? args[0].name : "";
      if (name.startsWith("tasks-find-")) loads.task++;
      if (name === "projects-find") loads.project++;
      return at.database.read(...args);
    }) as Database["read"],
  };
  return { ...at, loads, contextFor: contextsOver(at, database) };
}

type Frames = AsyncGenerator<ExecutionResult, void, undefined>;

async function follow(document: string, contextValue: GraphQLContext): Promise<Frames> {
  const stream = await subscribe({ schema, document: parse(document), contextValue });
  if (!(Symbol.asyncIterator in stream)) throw new Error(JSON.stringify(stream));
  return stream as Frames;
}

async function addTask({ owner }: TestLog, taskId: string, deleted = false) {
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, deleted_at) VALUES ('alpha', $1, 'do it', $2)`,
    [taskId, deleted ? new Date() : null],
  );
}

/** The first answer that has something in its list. */
async function nextFilled(frames: Frames, list: (data: never) => readonly unknown[]) {
  for (;;) {
    const { value } = await frames.next();
    if (!value?.data) throw new Error(JSON.stringify(value));
    if (list(value.data as never).length > 0) return JSON.parse(JSON.stringify(value.data)) as unknown;
  }
}

const EVENTS = `subscription { taskEvents(filter: {projects: ["alpha"]}) {
  cursor caughtUp
  events { eventId number type projectId taskId actor payload changes { field old new } task { taskId status deletedAt attempts { number } } }
} }`;
const ofEvents = ({ taskEvents }: { taskEvents: { events: [] } }) => taskEvents.events;

test("shows an event with its changes and the task as it is now, deleted or not", async () => {
  const at = await startSchema();
  await addTask(at, "TASK-001", true);
  const frames = await follow(EVENTS, at.contextFor());
  await frames.next();
  await commit(at.database, taskEvent("alpha", "TASK-001", { changes: { title: { old: null, new: "b" } } }));
  expect(await nextFilled(frames, ofEvents)).toMatchObject({
    taskEvents: {
      caughtUp: true,
      events: [
        {
          number: 1,
          type: "task.updated",
          projectId: "alpha",
          taskId: "TASK-001",
          actor: "admin",
          changes: [{ field: "title", old: null, new: "b" }],
          task: { taskId: "TASK-001", status: "PENDING", deletedAt: expect.any(String), attempts: [] },
        },
      ],
    },
  });
  await frames.return();
  expect(at.log.streams).toBe(0);
});

test("loads the current state of a frame once, however many subscribers show it", async () => {
  const at = await startSchema();
  for (const taskId of ["TASK-001", "TASK-002"]) await addTask(at, taskId);
  const streams = await Promise.all(Array.from({ length: 60 }, () => follow(EVENTS, at.contextFor())));
  await Promise.all(streams.map((stream) => stream.next()));
  at.loads.task = 0;
  const change = ["TASK-001", "TASK-002", "TASK-001"].map((taskId) => taskEvent("alpha", taskId));
  await commit(at.database, ...change);
  const answers = await Promise.all(streams.map((stream) => nextFilled(stream, ofEvents)));
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(at.loads.task).toBe(1);
  await Promise.all(streams.map((stream) => stream.return()));
});

test("sends the counts of a project when something in it changes, loaded once for all", async () => {
  const at = await startSchema();
  const document = `subscription { projectStatus { cursor projects { projectId idReuse taskCounts { status count } } } }`;
  const counts = (pending: number) => [
    { status: "PENDING", count: pending },
    { status: "IN_PROGRESS", count: 0 },
    { status: "COMPLETED", count: 0 },
  ];
  const streams = await Promise.all(Array.from({ length: 20 }, () => follow(document, at.contextFor())));
  const ofProjects = ({ projectStatus }: { projectStatus: { projects: [] } }) => projectStatus.projects;
  for (const stream of streams)
    expect(await nextFilled(stream, ofProjects)).toMatchObject({
      projectStatus: { projects: [{ projectId: "alpha" }, { projectId: "beta" }] },
    });
  for (const pending of [1, 2]) {
    at.loads.project = 0;
    await addTask(at, `TASK-00${pending}`);
    await commit(at.database, taskEvent("alpha", `TASK-00${pending}`));
    for (const answer of await Promise.all(streams.map((stream) => nextFilled(stream, ofProjects))))
      expect(answer).toMatchObject({
        projectStatus: { projects: [{ projectId: "alpha", taskCounts: counts(pending) }] },
      });
    expect(at.loads.project).toBe(1);
  }
  await Promise.all(streams.map((stream) => stream.return()));
  expect(at.log.streams).toBe(0);
});

test("takes logCursor before any other field of the query is read", async () => {
  const at = await startSchema();
  const context = at.contextFor();
  let number = 0;
  const log: typeof at.log = {
    ...at.log,
    cursor: async () => {
      const cursor = await at.log.cursor();
      // Whatever reads after the cursor was taken sees this; whatever read before does not.
      await commit(at.database, taskEvent("alpha", `TASK-${++number}`));
      return cursor;
    },
  };
  const yoga = createYoga({ schema, logging: false, plugins: [useLogCursorFirst()], context: { ...context, log } });
  const query = "query Q { events { events { number } } ...C again: logCursor } fragment C on Query { logCursor }";
  const response = await yoga.fetch("http://localhost/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as { data: { again: string; logCursor: string; events: { events: [] } } };
  expect(data.events.events).toEqual([{ number: 1 }]);
  expect(data.again).toBe(data.logCursor);
  const missed = await at.log.events(ADMIN, { filter: {}, after: data.logCursor, first: 10 });
  expect(missed.events.map((event) => event.number)).toEqual([1]);
});

test("frees a stream at once when its SSE client disconnects", async () => {
  const at = await startSchema();
  const yoga = createYoga({ schema, logging: false, context: () => at.contextFor() });
  const bodies = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const response = await yoga.fetch("http://localhost/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream" },
        body: JSON.stringify({ query: EVENTS }),
      });
      const reader = response.body?.getReader();
      await reader?.read();
      return reader;
    }),
  );
  expect(at.log.streams).toBe(10);
  await Promise.all(bodies.map((reader) => reader?.cancel()));
  await eventually(() => expect(at.log.streams).toBe(0));
});
