import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { type ClaimedDelivery, claimDeliveries } from "../../../src/delivery/webhooks/claim.ts";
import { deleteWebhook } from "../../../src/delivery/webhooks/delete.ts";
import { recordOutcome } from "../../../src/delivery/webhooks/outcome.ts";
import { queueOf, webhooksBehind } from "../../../src/delivery/webhooks/queue.ts";
import { replayWebhookDeliveries } from "../../../src/delivery/webhooks/replay.ts";
import { systemClock } from "../../../src/log/clock.ts";
import { pump } from "../../../src/log/sinks/pump.ts";
import { silent } from "../../log/open-log.ts";
import { commit, contextOf, taskEvent } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { numbersBySubject, ok, startEndpoint, status } from "./endpoint.ts";
import { startWebhookTest, type WebhookTest } from "./webhook-test.ts";

const SUCCESS = { statusCode: 204, error: null, response: null, retryAfter: 0, durationMs: 1 };
const FAILURE = { ...SUCCESS, statusCode: 500, error: "The endpoint answered 500." };

/** Each subject's events, without repetitions, in the order of the log. */
function expectOrder(received: Parameters<typeof numbersBySubject>[0], events: number): void {
  const bySubject = numbersBySubject(received);
  for (const numbers of bySubject.values()) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect([...bySubject.values()].flat()).toHaveLength(events);
}

const plan = fc.record({
  tasks: fc.array(fc.nat(4), { minLength: 5, maxLength: 20 }),
  // What becomes of the requests, in turn: an answer with this status, or a broken connection.
  fates: fc.array(fc.constantFrom(200, 200, 204, 404, 500, "reset" as const), { minLength: 1, maxLength: 20 }),
});

/** Waits until so many are. */
const expectDelivered = (t: WebhookTest, count: number) =>
  eventually(
    async () => {
      const deliveries = await t.deliveries();
      expect(deliveries.filter((delivery) => delivery.status === "delivered")).toHaveLength(count);
    },
    { interval: 200 },
  );

it("delivers the events of each task in order to an endpoint that fails at random", async () => {
  const t = await startWebhookTest();
  await t.run();
  const deliversInOrder = fc.asyncProperty(plan, async ({ tasks, fates }) => {
    let n = 0;
    const endpoint = await startEndpoint((response, _received, request) => {
      const fate = n < 25 ? fates[n++ % fates.length] : 200;
      if (fate === "reset") request.socket.resetAndDestroy();
      else response.writeHead(fate ?? 200).end();
    });
    const { webhookId } = await t.create({ url: endpoint.url });
    await t.happen(...tasks.map((task) => `T-${task}`));
    // Time passes in the database until nothing is left to try again.
    await eventually(
      async () => {
        await t.pass(3_600);
        const deliveries = await t.deliveries();
        expect(deliveries).toHaveLength(tasks.length);
        expect(deliveries.filter((delivery) => delivery.status === "pending")).toEqual([]);
      },
      { timeout: 60_000, interval: 200 },
    );
    expectOrder(endpoint.received, tasks.length);
    expect(endpoint.overlaps).toEqual([]);
    await deleteWebhook(contextOf(t.database), { webhookId });
  });
  await fc.assert(deliversInOrder, { numRuns: 2, endOnFailure: true });
});

it("lets other tasks overtake one whose event is refused, and holds back that task's later ones", async () => {
  const t = await startWebhookTest();
  const endpoint = await startEndpoint((response, one, request) =>
    (one.event.subject === "task/A" ? status(500) : ok)(response, one, request),
  );
  await t.create({ url: endpoint.url });
  await t.run();
  await t.happen("A", "B", "A", "B", "A", "C");
  await eventually(async () => {
    const delivered = (await t.deliveries()).filter((delivery) => delivery.status === "delivered");
    expect(delivered.map((delivery) => delivery.subject_id)).toEqual(["B", "B", "C"]);
    expect(await t.attempts()).toHaveLength(4);
  });
  expect(endpoint.received.filter(({ event }) => event.subject === "task/A")).toHaveLength(1);

  endpoint.answer = ok;
  await t.pass(10);
  await eventually(() => expect(endpoint.received).toHaveLength(7));
  expectOrder(endpoint.received, 6);
});

it("never has two events of a task on the way, with two processes on one database, and sends each once", async () => {
  const t = await startWebhookTest();
  const second = await t.another();
  const endpoint = await startEndpoint((response) => void setTimeout(() => response.end(), Math.random() * 10));
  await t.create({ url: endpoint.url });
  await Promise.all([t.run(), t.run({}, second)]);
  const tasks = Array.from({ length: 40 }, (_, i) => `T-${i % 5}`);
  await Promise.all([t.happen(...tasks), ...tasks.map((task) => commit(second.database, taskEvent("beta", task)))]);
  await expectDelivered(t, 2 * tasks.length);
  expect(endpoint.overlaps).toEqual([]);
  expect(endpoint.received).toHaveLength(2 * tasks.length);
  expectOrder(endpoint.received, 2 * tasks.length);
});

/** Queues what has happened, without the job. */
async function queueAll({ database, log }: WebhookTest): Promise<void> {
  await log.cursor();
  for (const webhook of await webhooksBehind(database))
    while (await pump(database, systemClock, silent, queueOf(webhook)));
}

it("gives a task's events to one of many claimers at a time, in order, whenever they claim and record", async () => {
  const t = await startWebhookTest();
  await t.create({ url: "http://127.0.0.1:9/" });
  await t.create({ url: "http://127.0.0.1:9/other" });
  const tasks = Array.from({ length: 75 }, (_, i) => `T-${i % 5}`);
  await commit(t.database, ...tasks.map((task) => taskEvent("alpha", task)));
  await queueAll(t);
  const underWay = new Set<string>();
  const twice: string[] = [];
  const order = new Map<string, number[]>();
  let left = 2 * tasks.length;
  const claimer = async (most: number) => {
    while (left > 0) {
      const claimed = await claimDeliveries(t.database, { most, busy: new Map() });
      for (const { webhookId, position, event } of claimed) {
        const subject = `${webhookId} ${event?.subjectId}`;
        if (underWay.has(subject)) twice.push(subject);
        underWay.add(subject);
        order.set(subject, [...(order.get(subject) ?? []), position]);
      }
      await Promise.all(
        claimed.map(async (delivery) => {
          await t.database.read("SELECT pg_sleep(random() * 0.005)");
          // From here on another claimer may rightly have the next one.
          underWay.delete(`${delivery.webhookId} ${delivery.event?.subjectId}`);
          await recordOutcome(contextOf(t.database), delivery, SUCCESS);
          left--;
        }),
      );
    }
  };
  await Promise.all([1, 2, 3, 1, 2, 3].map(claimer));
  expect(twice).toEqual([]);
  expect(order.size).toBe(10);
  for (const positions of order.values()) expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  expect([...order.values()].flat()).toHaveLength(2 * tasks.length);
});

it("does not let a process that took too long undo what another has done since", async () => {
  const t = await startWebhookTest();
  await t.create({ url: "http://127.0.0.1:9/" });
  await t.happen("A", "A");
  await queueAll(t);
  const claim = async (): Promise<ClaimedDelivery> => {
    const [delivery, ...more] = await claimDeliveries(t.database, { most: 5, busy: new Map() });
    expect(more).toEqual([]);
    if (!delivery) throw new Error("nothing is due");
    return delivery;
  };
  const late = await claim();
  expect(await claimDeliveries(t.database, { most: 5, busy: new Map() })).toEqual([]);
  await t.pass(31);
  const taken = await claim();
  expect(taken).toMatchObject({ eventId: late.eventId, attempt: 2 });
  await recordOutcome(contextOf(t.database), late, FAILURE);
  expect(await t.deliveries()).toMatchObject([
    { status: "pending", attempts: 2 },
    { status: "pending", attempts: 0 },
  ]);
  await recordOutcome(contextOf(t.database), taken, SUCCESS);
  await recordOutcome(contextOf(t.database), late, FAILURE);
  expect(await t.deliveries()).toMatchObject([{ status: "delivered" }, { status: "pending", attempts: 0 }]);
  expect(await t.attempts()).toMatchObject([
    { attempt: 1, status_code: 500 },
    { attempt: 2, status_code: 204 },
  ]);
});

it("does not send an event again that is under way while an earlier one is replayed and fails", async () => {
  const t = await startWebhookTest();
  const { webhookId } = await t.create({ url: "http://127.0.0.1:9/" });
  await t.happen("A", "A");
  await queueAll(t);
  const claim = () => claimDeliveries(t.database, { most: 5, busy: new Map() });
  const record = async (delivery: ClaimedDelivery | undefined, answer: typeof SUCCESS | typeof FAILURE) => {
    if (!delivery) throw new Error("nothing is due");
    await recordOutcome(contextOf(t.database), delivery, answer);
  };
  const [first] = await claim();
  await record(first, SUCCESS);
  const [second] = await claim();
  const eventIds = [first?.eventId ?? ""];
  await replayWebhookDeliveries(contextOf(t.database), { webhookId, eventIds });
  const [again] = await claim();
  expect(again).toMatchObject({ eventId: first?.eventId, attempt: 15 });
  await record(again, FAILURE);
  await t.pass(15);
  const [more] = await claim();
  expect(more).toMatchObject({ eventId: first?.eventId, attempt: 16 });
  await record(more, SUCCESS);
  expect(await claim()).toEqual([]);
  await record(second, SUCCESS);
  expect(await t.deliveries()).toMatchObject([{ status: "delivered" }, { status: "delivered", attempts: 1 }]);
});

it("gives a replayed delivery a full round of attempts, however many it had", async () => {
  const t = await startWebhookTest();
  const { webhookId } = await t.create({ url: "http://127.0.0.1:9/" });
  await t.happen("A");
  await queueAll(t);
  const attempt = async (answer: typeof SUCCESS | typeof FAILURE) => {
    const [delivery] = await claimDeliveries(t.database, { most: 1, busy: new Map() });
    if (!delivery) throw new Error("nothing is due");
    await recordOutcome(contextOf(t.database), delivery, answer);
    await t.pass(8 * 3600);
    return delivery;
  };
  await attempt(FAILURE);
  const { eventId } = await attempt(SUCCESS);
  await replayWebhookDeliveries(contextOf(t.database), { webhookId, eventIds: [eventId] });
  const numbers: number[] = [];
  while ((await t.deliveries())[0]?.status === "pending") numbers.push((await attempt(FAILURE)).attempt);
  expect(numbers).toEqual(Array.from({ length: 14 }, (_, i) => 15 + i));
  expect(await t.deliveries()).toMatchObject([{ status: "dead" }]);
});

it("delivers everything in order after a process was killed in the middle of it", async () => {
  const t = await startWebhookTest();
  const held = await startEndpoint(() => undefined);
  const { received } = held;
  await t.create({ url: held.url });
  const child = spawn(process.execPath, [fileURLToPath(new URL("webhook-process.ts", import.meta.url)), t.test.url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await once(child.stdout, "data");
  const tasks = Array.from({ length: 40 }, (_, i) => `T-${i % 8}`);
  held.answer = (response, one, request) => (received.length <= 15 ? ok(response, one, request) : undefined);
  await commit(t.database, ...tasks.map((task) => taskEvent("alpha", task)));
  // Four requests are all that it may have under way.
  await eventually(() => expect(received).toHaveLength(19));
  child.kill("SIGKILL");
  await exited;

  held.answer = ok;
  await t.run();
  await t.pass(31);
  await expectDelivered(t, tasks.length);
  expectOrder(received, tasks.length);
  expect(received.length).toBeGreaterThanOrEqual(tasks.length + 4);
});
