import { describe, expect, it } from "vitest";
import { ManualClock } from "../log/manual-clock.ts";
import { commit, taskEvent } from "../log/test-log.ts";
import { nextOf, type ServerSentEvent, subscribe } from "../support/event-stream.ts";
import { startHttpLog } from "../support/http-log.ts";
import { startTestServer } from "../support/server.ts";

const QUERY = `subscription {
  taskEvents { caughtUp events { number type projectId taskId actor occurredAt task { status description } } }
}`;

const framesIn = ({ data }: ServerSentEvent) => JSON.parse(data).data.taskEvents;

// One test per line of "User Story 3 Success".
describe("Real-time notifications", () => {
  it("Open SSE connection with GET: a stream opens, and says at once that it is live", async () => {
    const server = await startTestServer();
    const { response, events } = await subscribe(server.url, QUERY, { key: server.agentKey, method: "GET" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(framesIn(await nextOf(events))).toEqual({ caughtUp: true, events: [] });
    const refused = await subscribe(server.url, QUERY, { key: "dk_unknown" });
    expect(refused.response.status).toBe(401);
  });

  it("Create task via API, receive notification: it says what happened, by whom, and the task's state", async () => {
    const server = await startTestServer();
    await server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
    const { events } = await subscribe(server.url, QUERY, { key: server.agentKey });
    await nextOf(events);
    await server.ask(
      'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "Buy milk"}]}) { tasksAdded } }',
    );
    const frame = framesIn(await nextOf(events));
    expect(frame.events).toEqual([
      {
        number: 2,
        type: "task.created",
        projectId: "alpha",
        taskId: "TASK-001",
        actor: expect.stringMatching(/\/agent$/),
        occurredAt: expect.any(String),
        task: { status: "PENDING", description: "Buy milk" },
      },
    ]);
  });

  it("Heartbeat messages received every 30 seconds: an empty frame comes every 15", async () => {
    const clock = new ManualClock();
    const server = await startHttpLog({ clock });
    const { events } = await subscribe(server.url, QUERY, { key: server.key });
    await clock.advance(0);
    await nextOf(events);
    for (let beat = 0; beat < 4; beat++) {
      await clock.advance(15_000);
      expect(framesIn(await nextOf(events))).toEqual({ caughtUp: true, events: [] });
    }
  });

  it("Rate limiting prevents spam (max 10/sec): events share frames, and none is lost", async () => {
    const clock = new ManualClock();
    const server = await startHttpLog({ clock });
    const { events } = await subscribe(server.url, QUERY, { key: server.key });
    await clock.advance(0);
    const began = clock.now();
    const numbers: number[] = [];
    let frames = 0;
    const reading = (async () => {
      while (numbers.length < 100) {
        const frame = framesIn(await nextOf(events));
        frames++;
        for (const { number } of frame.events) numbers.push(number);
      }
    })();
    for (let n = 1; n <= 100; n++) {
      await commit(server.database, taskEvent("alpha", "TASK-001"));
      await clock.advance(10);
    }
    await expect.poll(() => clock.advance(10).then(() => numbers.length), { interval: 1 }).toBe(100);
    await reading;
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    // The first one came at once.
    expect(frames - 1).toBeLessThanOrEqual((clock.now() - began) / 100);
  });

  it("Rate limiting prevents spam (max 3 concurrent connections): the fourth is told what to do", async () => {
    const server = await startTestServer();
    const key = server.agentKey;
    const [first] = await Promise.all([1, 2, 3].map(() => subscribe(server.url, QUERY, { key })));
    const fourth = async (headers: Record<string, string> = {}) => {
      const { events, leave } = await subscribe(server.url, QUERY, { key, headers });
      const { data } = await nextOf(events);
      leave();
      return JSON.parse(data).errors?.[0];
    };
    const extensions = { code: "RATE_LIMITED", retryable: true, retryAfterMs: expect.any(Number), limit: 3 };
    expect(await fourth()).toMatchObject({ message: expect.stringMatching(/Close one/), extensions });
    expect(await fourth({ "docket-client-id": "another-session" })).toBeUndefined();
    first?.leave();
    await expect.poll(() => fourth()).toBeUndefined();
  });

  it("Connection closed gracefully on disconnect: nothing is left of it, and others go on", async () => {
    const server = await startTestServer();
    const leaving = await subscribe(server.url, QUERY, { key: server.agentKey });
    const staying = await subscribe(server.url, QUERY, { key: server.agentKey });
    for (const { events } of [leaving, staying]) await nextOf(events);
    expect(server.log.streams).toBe(2);
    leaving.leave();
    await expect.poll(() => server.log.streams).toBe(1);
    await server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }');
    expect(framesIn(await nextOf(staying.events)).events).toMatchObject([{ type: "project.created" }]);
    expect(server.logged.filter(({ level }) => level === "error")).toEqual([]);
  });
});
