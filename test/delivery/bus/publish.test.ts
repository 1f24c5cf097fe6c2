import { expect, it } from "vitest";
import { readConfig } from "../../../src/config/config.ts";
import { NatsSink } from "../../../src/delivery/bus/sink.ts";
import { systemClock } from "../../../src/log/clock.ts";
import { ensureReader, pump } from "../../../src/log/sinks/pump.ts";
import type { LogSink } from "../../../src/log/sinks/sink.ts";
import { silent } from "../../log/open-log.ts";
import { commit, startLog, taskEvent } from "../../log/test-log.ts";
import { makeNatsServer } from "../../support/nats-server.ts";
import { expectWholeLog, needNats, readerOf, startTestBus } from "./bus-test.ts";

needNats();

it("publishes every event as a CloudEvent under the subject of its type", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  await startTestBus(log, nats.url);
  await commit(
    log.database,
    { ...taskEvent("alpha", "TASK-001", { description: "Überblick" }), type: "task.created" },
    { type: "ids.reserved", projectId: "beta", subjectType: "reservation", subjectId: "r-1", payload: { count: 6 } },
    { type: "key.revoked", projectId: null, subjectType: "api_key", subjectId: "k-1", payload: {} },
  );
  const stored = await readerOf(nats).messages(3);
  expect(stored.map(({ subject }) => subject).sort()).toEqual([
    "docket._server.keys.revoked",
    "docket.alpha.tasks.created",
    "docket.beta.ids.reserved",
  ]);
  const created = stored.find(({ subject }) => subject.endsWith("created"));
  const { rows } = await log.owner.query("SELECT event_id, occurred_at FROM events WHERE project_id = 'alpha'");
  expect(created).toMatchObject({
    msgId: rows[0].event_id,
    contentType: expect.stringMatching(/^application\/cloudevents\+json/),
    event: {
      specversion: "1.0",
      id: rows[0].event_id,
      source: "/projects/alpha",
      type: "task.created",
      subject: "task/TASK-001",
      time: rows[0].occurred_at.toISOString(),
      data: { number: 1, projectId: "alpha", actor: "admin", payload: { description: "Überblick" } },
    },
  });
});

it("uses the subjects, the stream and the login that are configured", async () => {
  const settings = `authorization { user: docket, password: "s:3/cr@t" }`;
  const [log, nats] = [await startLog(), await makeNatsServer({ settings })];
  const url = nats.url.replace("//", `//docket:${encodeURIComponent("s:3/cr@t")}@`);
  await startTestBus(log, url, { DOCKET_NATS_SUBJECT: "taskflow.{noun}.{action}", DOCKET_NATS_STREAM: "FLOW" });
  await commit(log.database, taskEvent("alpha", "TASK-001"));
  const stored = await readerOf(nats, "FLOW", { user: "docket", pass: "s:3/cr@t" }).messages(1);
  expect(stored.map(({ subject }) => subject)).toEqual(["taskflow.tasks.updated"]);
});

it("stores an event once that comes again because its process died before the place moved on", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const { nats: config } = readConfig({ DOCKET_NATS_URL: nats.url });
  if (!config) throw new Error("no configuration");
  /** A process of its own each time. */
  const publish = async (after: () => void) => {
    const sink = new NatsSink(config);
    await sink.connect();
    const dying: LogSink = {
      reader: sink.reader,
      selection: sink.selection,
      take: (events) => sink.take(events).then(after),
    };
    await pump(log.database, systemClock, silent, dying).finally(() => sink.close());
  };
  await ensureReader(log.database, "bus");
  await commit(
    log.database,
    taskEvent("alpha", "TASK-001"),
    taskEvent("alpha", "TASK-001"),
    taskEvent("alpha", "TASK-002"),
  );
  await log.owner.query("SELECT drain()");
  const died = () => {
    throw new Error("died");
  };
  await expect(publish(died)).rejects.toThrow("died");
  expect((await readerOf(nats).info()).state.messages).toBe(3);
  await publish(() => undefined);
  await expectWholeLog(log.owner, await readerOf(nats).messages(3));
});

it("lets an event that is too large for NATS go without its payload, and what follows it after it", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer({ settings: "max_payload: 4KB" })];
  await startTestBus(log, nats.url);
  await commit(log.database, taskEvent("alpha", "TASK-001", { notes: "x".repeat(5_000) }));
  await commit(log.database, taskEvent("alpha", "TASK-001", { notes: "short" }));
  const stored = await readerOf(nats).messages(2);
  expect(stored.map(({ event }) => event.data.payload)).toEqual([null, { notes: "short" }]);
  expect(stored.map(({ event }) => event.data.number)).toEqual([1, 2]);
});
