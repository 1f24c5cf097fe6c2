import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { deleteWebhook } from "../../../src/delivery/webhooks/delete.ts";
import { rotateWebhookSecret } from "../../../src/delivery/webhooks/rotate-secret.ts";
import { ManualClock } from "../../log/manual-clock.ts";
import { commit, contextOf, taskEvent } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { ok, startEndpoint, status } from "./endpoint.ts";
import { startWebhookTest } from "./webhook-test.ts";

it("sends a signed CloudEvents document, and records the answer", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint((response) => void response.writeHead(202).end("thank you"));
  const { secret } = await t.create({ url: `${endpoint.url}?tenant=1` });
  await t.run();
  await commit(t.database, taskEvent("alpha", "TASK-046", { changes: { title: { old: "Ä", new: "é…" } } }));
  await eventually(async () => expect(await t.deliveries()).toMatchObject([{ status: "delivered" }]));

  const [received] = endpoint.received;
  if (!received) throw new Error("nothing came");
  const { headers, event, body, path } = received;
  const { rows } = await t.owner.query(
    "SELECT event_id, number, occurred_at, correlation_id FROM events WHERE event_type = 'task.updated'",
  );
  expect(path).toBe("/hook?tenant=1");
  expect(event).toEqual({
    specversion: "1.0",
    id: rows[0].event_id,
    source: "/projects/alpha",
    type: "task.updated",
    subject: "task/TASK-046",
    time: rows[0].occurred_at.toISOString(),
    datacontenttype: "application/json",
    data: {
      number: Number(rows[0].number),
      projectId: "alpha",
      subjectType: "task",
      subjectId: "TASK-046",
      actor: "admin",
      client: null,
      correlationId: rows[0].correlation_id,
      payload: { changes: { title: { old: "Ä", new: "é…" } } },
    },
  });
  expect(headers).toMatchObject({
    "content-type": "application/cloudevents+json; charset=utf-8",
    "user-agent": `Docket/${packageJson.version}`,
    "webhook-id": event.id,
  });
  expect(new Webhook(secret).verify(body, headers)).toEqual(event);
  expect(() => new Webhook(secret).verify(body.replace("alpha", "omega"), headers)).toThrow("No matching signature");
  expect(await t.attempts()).toEqual([{ attempt: 1, status_code: 202, error: null, response: "thank you" }]);
});

it("signs with both secrets for a while after a rotation", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint();
  const { webhookId, secret } = await t.create({ url: endpoint.url });
  const rotated = await rotateWebhookSecret(contextOf(t.database), { webhookId });
  await t.run();
  await t.happen("A");
  await eventually(() => expect(endpoint.received).toHaveLength(1));
  const [during] = endpoint.received;
  for (const each of [secret, rotated.secret ?? ""])
    expect(new Webhook(each).verify(during?.body ?? "", during?.headers ?? {})).toEqual(during?.event);
  expect(during?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);

  await t.pass(25 * 3600);
  await t.happen("A");
  await eventually(() => expect(endpoint.received).toHaveLength(2));
  const after = endpoint.received[1];
  const at = new Date(Number(after?.headers["webhook-timestamp"]) * 1000);
  expect(after?.headers["webhook-signature"]).toBe(
    new Webhook(rotated.secret ?? "").sign(after?.event.id ?? "", at, after?.body ?? ""),
  );
});

it("sends what a webhook asked for by project and type, and nothing from before it was made", async () => {
  const t = await startWebhookTest();
  await t.happen("before");
  await t.log.cursor();
  const [all, alpha, beta, claims] = await Promise.all([
    startEndpoint(),
    startEndpoint(),
    startEndpoint(),
    startEndpoint(),
  ]);
  await t.create({ url: alpha.url, projectIds: ["alpha"] });
  await t.create({ url: beta.url, projectIds: ["beta"], types: null });
  await t.create({ url: claims.url, types: ["task.claimed", "ids.*"] });
  await t.log.cursor();
  await t.create({ url: all.url, types: null });
  await t.run();
  await commit(
    t.database,
    taskEvent("alpha", "A"),
    { ...taskEvent("alpha", "A"), type: "task.claimed" },
    taskEvent("beta", "B"),
  );
  await eventually(() => {
    expect(alpha.received.map(({ event }) => event.type)).toEqual(["task.updated", "task.claimed"]);
    expect(beta.received.map(({ event }) => event.source)).toEqual(["/projects/beta"]);
    expect(claims.received.map(({ event }) => event.type)).toEqual(["task.claimed"]);
    // Its own webhook.created came after the place where it began.
    expect(all.received.map(({ event }) => event.source).toSorted()).toEqual([
      "/projects/alpha",
      "/projects/alpha",
      "/projects/beta",
      "/server",
    ]);
  });
});

it("needs no interval between the commit and the endpoint", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint();
  await t.create({ url: endpoint.url });
  await t.run({ clock: new ManualClock() });
  for (let n = 1; n <= 3; n++) {
    await t.happen("A");
    await eventually(() => expect(endpoint.received).toHaveLength(n));
  }
});

it("sends to a fast endpoint while a slow one holds four requests and its other events wait", async () => {
  const t = await startWebhookTest();
  const slow = await startEndpoint(() => undefined);
  const fast = await startEndpoint();
  await t.create({ url: slow.url });
  await t.create({ url: fast.url });
  await t.run({ clock: new ManualClock() });
  const tasks = Array.from({ length: 30 }, (_, i) => `T-${i}`);
  await t.happen(...tasks);
  await eventually(() => expect(fast.received).toHaveLength(tasks.length));
  expect(slow.received).toHaveLength(4);
});

it("gives up on an endpoint that does not answer in ten seconds, and believes one that never ends its answer", async () => {
  const t = await startWebhookTest();
  const clock = new ManualClock();
  let closed = 0;
  const silent = await startEndpoint((response) => void response.on("close", () => closed++));
  const endless = await startEndpoint((response) => {
    response.on("close", () => closed++);
    response.writeHead(200).write("so far");
  });
  await t.create({ url: silent.url, projectIds: ["alpha"] });
  await t.create({ url: endless.url, projectIds: ["beta"] });
  await t.run({ clock });
  await commit(t.database, taskEvent("alpha", "A"), taskEvent("beta", "B"));
  await eventually(() => expect([...silent.received, ...endless.received]).toHaveLength(2));
  await clock.advance(10_000);
  await eventually(async () => {
    expect(await t.attempts()).toEqual([
      { attempt: 1, status_code: null, error: "The endpoint did not answer within 10 s.", response: null },
      { attempt: 1, status_code: 200, error: null, response: "so far" },
    ]);
    expect(closed).toBe(2);
  });
  expect(await t.deliveries()).toMatchObject([{ status: "pending" }, { status: "delivered" }]);
});

it("reads the beginning of a large answer, and closes the connection", async () => {
  const t = await startWebhookTest();
  let written = 0;
  const endpoint = await startEndpoint((response) => {
    const more = () => {
      while (!response.destroyed && response.write("😀\0".repeat(10_000))) written++;
      if (!response.destroyed) response.once("drain", more);
    };
    response.writeHead(500);
    more();
  });
  await t.create({ url: endpoint.url });
  await t.run();
  await t.happen("A");
  await eventually(async () => {
    expect(await t.attempts()).toEqual([
      {
        attempt: 1,
        status_code: 500,
        error: "The endpoint answered 500 Internal Server Error.",
        response: "😀\uFFFD".repeat(500),
      },
    ]);
  });
  // It was not read on: what was written is what the sockets' buffers hold.
  expect(written).toBeLessThan(1_000);
});

it("queues a thousand deliveries at most for an endpoint that is down; the log holds the rest until it is up", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint(status(503));
  const other = await startEndpoint();
  await t.create({ url: endpoint.url, projectIds: ["alpha"] });
  await t.create({ url: other.url, projectIds: ["beta"] });
  await t.run();
  const tasks = Array.from({ length: 1_050 }, (_, i) => `T-${i % 40}`);
  await commit(t.database, ...tasks.map((task) => taskEvent("alpha", task)));
  // Of each task the first event is tried, and the queue is filled meanwhile.
  await eventually(
    async () => {
      expect(endpoint.received.length).toBeGreaterThanOrEqual(40);
      expect((await t.deliveries()).length).toBeGreaterThanOrEqual(1_000);
    },
    { interval: 100 },
  );
  // What is queued behind it has had its turn.
  await commit(t.database, taskEvent("beta", "B"));
  await eventually(() => expect(other.received).toHaveLength(1));
  expect((await t.deliveries()).filter(({ subject_id }) => subject_id !== "B")).toHaveLength(1_000);

  // As if it had got most of the queue: it gets what is left of it, and the rest from the log.
  const { rows: got } = await t.owner.query<{ id: string }>(
    `UPDATE webhook_deliveries SET status = 'delivered', next_attempt_at = NULL, ended_at = docket_now()
     WHERE position IN (SELECT position FROM webhook_deliveries WHERE status = 'pending' ORDER BY position DESC LIMIT 950)
     RETURNING event_id AS id`,
  );
  endpoint.answer = ok;
  await t.pass(60);
  const ids = () => new Set([...got.map(({ id }) => id), ...endpoint.received.map(({ event }) => event.id)]);
  await eventually(() => expect(ids().size).toBe(1_050), { timeout: 50_000 });
  await eventually(async () => expect((await t.deliveries()).every((one) => one.status === "delivered")).toBe(true));
  expect(await t.deliveries()).toHaveLength(1_051);
});

it("ends its requests before it closes, and begins none", async () => {
  const t = await startWebhookTest();
  const held: (() => void)[] = [];
  const endpoint = await startEndpoint((response) => void held.push(() => response.end()));
  await t.create({ url: endpoint.url });
  const job = await t.run();
  await t.happen("A", "A");
  await eventually(() => expect(held).toHaveLength(1));
  await eventually(async () => expect(await t.deliveries()).toHaveLength(2));
  const closed = job.close();
  for (const end of held) end();
  await closed;
  expect(await t.deliveries()).toMatchObject([{ status: "delivered" }, { status: "pending", attempts: 0 }]);
  expect(endpoint.received).toHaveLength(1);
});

it("waits for its requests five seconds at most when it closes, and another process sends them again", async () => {
  const t = await startWebhookTest();
  const clock = new ManualClock();
  const endpoint = await startEndpoint(() => undefined);
  await t.create({ url: endpoint.url });
  const job = await t.run({ clock });
  await t.happen("A");
  await eventually(() => expect(endpoint.received).toHaveLength(1));
  const closed = job.close();
  // Until it waits: moved before that, the clock would reach the ten seconds that an endpoint has.
  await eventually(() => expect(clock.timersBeyond(4_999)).toBeGreaterThan(clock.timersBeyond(5_000)));
  await clock.advance(5_000);
  await closed;
  expect(await t.attempts()).toEqual([]);

  endpoint.answer = ok;
  await t.run({}, await t.another());
  await t.pass(31);
  await eventually(async () => expect(await t.deliveries()).toMatchObject([{ status: "delivered", attempts: 2 }]));
});

it("sends again what was received when the outcome could not be recorded", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint();
  await t.create({ url: endpoint.url });
  await t.owner.query("ALTER TABLE webhook_attempts ADD CONSTRAINT broken CHECK (false) NOT VALID");
  const job = await t.run({ mayReport: /^Recording what came of webhook deliveries fails/ });
  await t.happen("A");
  await eventually(() => expect(endpoint.received).toHaveLength(1));
  await job.close();
  await t.owner.query("ALTER TABLE webhook_attempts DROP CONSTRAINT broken");
  expect(await t.deliveries()).toMatchObject([{ status: "pending", attempts: 1 }]);
  await t.pass(31);
  await t.run();
  await eventually(async () => expect(await t.deliveries()).toMatchObject([{ status: "delivered", attempts: 2 }]));
  const [first, second] = endpoint.received.map(({ event }) => event.id);
  expect(second).toBe(first);
});

it("lets a webhook be deleted while it is sent to", async () => {
  const t = await startWebhookTest();
  const held: (() => void)[] = [];
  const endpoint = await startEndpoint((response) => void held.push(() => response.end()));
  const { webhookId } = await t.create({ url: endpoint.url });
  const other = await startEndpoint();
  await t.create({ url: other.url });
  const job = await t.run();
  await t.happen("A", "B");
  await eventually(() => expect(held).toHaveLength(2));
  await deleteWebhook(contextOf(t.database), { webhookId });
  for (const end of held) end();
  await t.happen("C");
  await eventually(() => expect(other.received).toHaveLength(3));
  await job.close();
  expect(endpoint.received).toHaveLength(2);
});
