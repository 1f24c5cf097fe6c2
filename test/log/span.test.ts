import { expect, it } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { connectSocket } from "../support/socket.ts";

const HOUR = 3600;

/** A server whose tasks were added six hours apart: TASK-001 a day ago, TASK-005 now. */
async function aDayOfWork() {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "A"}) { replayed } }');
  for (let i = 0; i < 5; i++) {
    if (i > 0) await owner.pass(6 * HOUR);
    await server.ask('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "work"}]}) { taskIds } }');
  }
  const events = async (filter: string, more = "") => {
    const { events: page } = await server.ask<{
      events: { cursor: string; caughtUp: boolean; events: { subjectId: string }[] };
    }>(
      `{ events(filter: {types: ["task.created"], ${filter}}, ${more || "first: 10"}) { cursor caughtUp events { subjectId } } }`,
    );
    return { ...page, found: page.events.map(({ subjectId }) => subjectId.slice(-1)).join("") };
  };
  return { server, owner, events };
}

it("tells what happened since an instant, before one, and between two", async () => {
  const { events, owner } = await aDayOfWork();
  expect((await events("")).found).toBe("12345");
  expect((await events('since: "-P1D"')).found).toBe("2345");
  expect((await events('since: "-PT13H"')).found).toBe("345");
  expect((await events('until: "-PT1H"')).found).toBe("1234");
  expect((await events('since: "-PT19H", until: "-PT5H"')).found).toBe("234");
  expect((await events('since: "-PT5H", until: "-PT1H"')).found).toBe("");
  expect((await events('projects: ["alpha"], since: "-PT7H"')).found).toBe("45");
  expect((await events('tasks: ["TASK-003", "TASK-005"], since: "-PT7H"')).found).toBe("5");
  const { rows } = await owner.query("SELECT occurred_at AS at FROM events WHERE subject_id = 'TASK-003'");
  const at: Date = rows[0].at;
  const third = new Date(Math.floor(at.getTime())).toISOString();
  expect((await events(`since: "${third}"`)).found).toBe("345");
  expect((await events(`until: "${third}"`)).found).toBe("12");
});

it("goes on with a cursor within the time asked for, and says when all of that was told", async () => {
  const { events, server } = await aDayOfWork();
  const asked = 'since: "-PT19H", until: "-PT5H"';
  const first = await events(asked, "first: 2");
  expect(first).toMatchObject({ found: "23", caughtUp: false });
  const second = await events(asked, `first: 2, after: "${first.cursor}"`);
  expect(second).toMatchObject({ found: "4", caughtUp: true });
  expect((await events('since: "-P2D"', `first: 10, after: "${first.cursor}"`)).found).toBe("45");
  // Nothing more comes of what is past, so that nobody waits for it.
  const began = performance.now();
  await server.ask('{ events(filter: {until: "-P2D"}, waitSeconds: 30) { caughtUp } }');
  expect(performance.now() - began).toBeLessThan(20_000);
});

it("ends with a cursor behind which stands all that happened later, however soon", async () => {
  const { events, owner, server } = await aDayOfWork();
  await owner.pass(3);
  await server.ask('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "work"}]}) { taskIds } }');
  const past = await events('until: "-PT2S"');
  expect(past).toMatchObject({ found: "12345", caughtUp: true });
  expect(await events("", `first: 10, after: "${past.cursor}"`)).toMatchObject({ found: "6", caughtUp: true });
  // Of what is not of the filter, and where nothing is, as well.
  const none = await events('projects: ["alpha"], since: "-PT1H", until: "-PT30M"');
  expect(none).toMatchObject({ found: "", caughtUp: true });
  expect((await events("", `first: 10, after: "${none.cursor}"`)).found).toBe("56");
  const before = await events('until: "-P9D"');
  expect((await events("", `first: 10, after: "${before.cursor}"`)).found).toBe("123456");
  // Never back behind the caller's own place.
  const again = await events('until: "-P9D"', `first: 10, after: "${past.cursor}"`);
  expect((await events("", `first: 10, after: "${again.cursor}"`)).found).toBe("6");
});

it("tells the newest first where that is asked for, of everything that has a history", async () => {
  const { events, server } = await aDayOfWork();
  const order = "orderBy: {field: POSITION, direction: DESC}";
  const newest = await events('since: "-PT19H"', `first: 3, ${order}`);
  expect(newest).toMatchObject({ found: "543", caughtUp: false });
  const rest = await events('since: "-PT19H"', `first: 3, ${order}, after: "${newest.cursor}"`);
  expect(rest).toMatchObject({ found: "2", caughtUp: true });
  expect((await events("", `first: 9, ${order}, after: "${rest.cursor}"`)).found).toBe("1");
  await server.ask('mutation { claimNextTask(input: {projectId: "alpha"}) { attempt } }');
  const history = (field: string) =>
    server.ask(
      `{ task(projectId: "alpha", taskId: "TASK-001") { page: ${field} { cursor caughtUp events { type } } } }`,
    );
  const first = await history(`history(first: 1, ${order})`);
  expect(first).toMatchObject({ task: { page: { caughtUp: false, events: [{ type: "task.claimed" }] } } });
  const { task } = first as { task: { page: { cursor: string } } };
  expect(await history(`history(first: 1, ${order}, after: "${task.page.cursor}")`)).toMatchObject({
    task: { page: { caughtUp: true, events: [{ type: "task.created" }] } },
  });
  expect(await history(`history(after: "${task.page.cursor}")`)).toMatchObject({
    task: { page: { caughtUp: true, events: [{ type: "task.claimed" }] } },
  });
  expect(
    await server.ask(`{ project(projectId: "alpha") { events(first: 2, ${order}) { caughtUp events { type } } } }`),
  ).toMatchObject({
    project: { events: { caughtUp: false, events: [{ type: "task.claimed" }, { type: "task.created" }] } },
  });
  const { errors } = await server.gql(`{ events(${order}, waitSeconds: 1) { cursor } }`);
  expect(errors?.[0]?.extensions["code"]).toBe("BAD_USER_INPUT");
});

it("looks only at the part of the log that is asked for", async () => {
  const { events, owner, server } = await aDayOfWork();
  // A day later, so many events that to read through them all would take further statements.
  await owner.pass(24 * HOUR);
  await owner.query(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload)
    SELECT 'task.created', 'alpha', 'task', 'TASK-' || n, 'x', '{}' FROM generate_series(101, 3100) n`);
  await owner.query("SELECT drain(4000)");
  await owner.pass(24 * HOUR);
  await server.ask('mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "last"}]}) { tasksAdded } }');
  // The server has seen them.
  await events('since: "-PT1H"');
  let statements = 0;
  server.database.pool.on("acquire", () => void statements++);
  expect(await events('since: "-PT1H"')).toMatchObject({ events: [{ subjectId: "TASK-006" }], caughtUp: true });
  expect(statements).toBeLessThan(12);
  const { rows } = await owner.query("SELECT max(position) AS position FROM events");
  expect(Number(rows[0].position)).toBeGreaterThan(3000);
});

it("refuses a time to come, and a span in a stream, which begins now", async () => {
  const { server } = await aDayOfWork();
  for (const [field, written] of [
    ["since", "P1D"],
    ["until", "PT1H"],
  ]) {
    const { errors } = await server.gql(`{ events(filter: {${field}: "${written}"}) { cursor } }`);
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(`${field} lies in the past.*"-${written}"`),
      extensions: { code: "BAD_USER_INPUT" },
    });
  }
  const socket = await connectSocket(server.wsUrl, { apiKey: server.agentKey });
  const query = 'subscription { taskEvents(filter: {since: "-P1D"}) { cursor } }';
  socket.send({ type: "subscribe", id: "1", payload: { query } });
  expect(JSON.stringify(await socket.next())).toContain("a stream begins now");
});
