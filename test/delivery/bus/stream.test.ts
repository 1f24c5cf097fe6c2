import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { DiscardPolicy, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, it, onTestFinished } from "vitest";
import { commit, startLog, taskEvent } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { makeNatsServer, type NatsOptions } from "../../support/nats-server.ts";
import { needNats, readerOf, recordingLogger, startTestBus } from "./bus-test.ts";

needNats();

const HOUR_NS = 3_600_000_000_000;

/** What the server's log says first of a bus that cannot work. */
async function firstComplaint(options: NatsOptions, login = "", env: Record<string, string> = {}): Promise<string> {
  const nats = await makeNatsServer(options);
  return complaintAt(nats.url.replace("//", `//${login}`), env);
}

async function complaintAt(url: string, env: Record<string, string> = {}): Promise<string> {
  const logger = recordingLogger();
  await startTestBus(await startLog(), url, env, logger);
  await eventually(() => expect(logger.lines).toHaveLength(1));
  return logger.lines.join();
}

it("is made on disk, for all subjects, and knows an event for an hour", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  await startTestBus(log, nats.url);
  await eventually(() => readerOf(nats).info());
  expect((await readerOf(nats).info()).config).toMatchObject({
    subjects: ["docket.*.*.*"],
    storage: "file",
    retention: "limits",
    duplicate_window: HOUR_NS,
  });
});

it("is made with the server's own window where that is limited", async () => {
  const jetstream = `limits { duplicate_window: "90s" }`;
  const [log, nats] = [await startLog(), await makeNatsServer({ jetstream })];
  await startTestBus(log, nats.url);
  await commit(log.database, taskEvent("alpha", "TASK-001"));
  await readerOf(nats).messages(1);
  expect((await readerOf(nats).info()).config.duplicate_window).toBeLessThanOrEqual(HOUR_NS / 40);
});

it("is left as its operator made it, where it takes the subjects", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const connection = await connect({ servers: nats.url.slice("nats://".length) });
  const { streams } = await jetstreamManager(connection);
  await streams.add({ name: "DOCKET", subjects: ["docket.>", "other"], max_msgs: 10 });
  await connection.close();
  await startTestBus(log, nats.url);
  await commit(log.database, taskEvent("alpha", "TASK-001"));
  await readerOf(nats).messages(1);
  expect((await readerOf(nats).info()).config).toMatchObject({ subjects: ["docket.>", "other"], max_msgs: 10 });
});

it("is said to lack subjects, and used as soon as it has them", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const connection = await connect({ servers: nats.url.slice("nats://".length) });
  const { streams } = await jetstreamManager(connection);
  await streams.add({ name: "DOCKET", subjects: ["docket.alpha.>"] });
  const logger = recordingLogger();
  await startTestBus(log, nats.url, {}, logger);
  await commit(log.database, taskEvent("beta", "TASK-001"));
  await eventually(() => expect(logger.lines).toHaveLength(1));
  expect(logger.lines[0]).toContain("The stream DOCKET does not take docket.*.*.*. Add that to its subjects");
  await streams.update("DOCKET", { subjects: ["docket.*.*.*"] });
  await connection.close();
  const stored = await readerOf(nats).messages(1);
  expect(stored.map(({ subject }) => subject)).toEqual(["docket.beta.tasks.updated"]);
  await eventually(() => expect(logger.lines[1]).toBe("Publishing to NATS works again"));
});

it("is made again when someone deletes it", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  await startTestBus(log, nats.url);
  await commit(log.database, taskEvent("alpha", "TASK-001"));
  await readerOf(nats).messages(1);
  const connection = await connect({ servers: nats.url.slice("nats://".length) });
  await (await jetstreamManager(connection)).streams.delete("DOCKET");
  await connection.close();
  await commit(log.database, taskEvent("alpha", "TASK-002"));
  await eventually(() => readerOf(nats).info());
  const stored = await readerOf(nats).messages(1);
  expect(stored.map(({ event }) => event.subject)).toEqual(["task/TASK-002"]);
});

it("cannot be without JetStream, which the server's log says", async () => {
  expect(await firstComplaint({ jetstream: null })).toContain(
    "JetStream is not enabled on this NATS server or account",
  );
});

it("cannot be without the rights, which the server's log names", async () => {
  const settings = `authorization { users: [{ user: docket, password: secret1, permissions: { publish: "docket.>" } }] }`;
  const complaint = await firstComplaint({ settings }, "docket:secret1@");
  expect(complaint).toContain("The user has to publish to $JS.API.STREAM.INFO.DOCKET");
  expect(complaint).not.toContain("secret1");
});

it("is not reached with a wrong password, which the server's log does not show", async () => {
  const settings = "authorization { user: docket, password: right }";
  const complaint = await firstComplaint({ settings }, "docket:wr0ng@");
  expect(complaint).toContain("NATS refuses the login");
  expect(complaint).not.toContain("wr0ng");
});

it("is not reached where nobody listens, which the server's log says", async () => {
  const complaint = await firstComplaint({ away: true }, "docket:wr0ng@");
  expect(complaint).toMatch(/No NATS server answers: 127\.0\.0\.1:\d+ ECONNREFUSED/);
  expect(complaint).not.toContain("wr0ng");
});

it("is not reached where TLS is asked for and not spoken, which the server's log says with what to do", async () => {
  const nats = await makeNatsServer();
  const complaint = await complaintAt(nats.url.replace("nats://", "tls://docket:wr0ng@"));
  const { host } = new URL(nats.url);
  expect(complaint).toContain(`Connecting to NATS at ${host} fails: server does not support 'tls'. Check`);
  expect(complaint).not.toContain("wr0ng");
});

it("is not reached where a server greets and falls silent, which the server's log says with what to do", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write('INFO {"server_id": "silent", "version": "2.10.0", "proto": 1, "max_payload": 1048576}\r\n');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const complaint = await complaintAt(`nats://docket:wr0ng@${host}`);
  expect(complaint).toContain(`Connecting to NATS at ${host} fails: no answer for 2 s. Check`);
  expect(complaint).not.toContain("wr0ng");
});

it("is not reached with a file of credentials that is not there, which the server's log says", async () => {
  const complaint = await firstComplaint({}, "", { DOCKET_NATS_CREDENTIALS: "/nowhere/docket.creds" });
  expect(complaint).toMatch(/DOCKET_NATS_CREDENTIALS names cannot be read.*\/nowhere\/docket\.creds/);
});

it("gets nothing of a task behind an event that it refuses, until it takes that one", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const connection = await connect({ servers: nats.url.slice("nats://".length) });
  const { streams } = await jetstreamManager(connection);
  // One message of each subject fits.
  const full = { max_msgs_per_subject: 1, discard: DiscardPolicy.New, discard_new_per_subject: true };
  await streams.add({ name: "DOCKET", subjects: ["docket.>"], ...full });
  const logger = recordingLogger();
  await startTestBus(log, nats.url, {}, logger);
  const completed = { ...taskEvent("alpha", "TASK-001"), type: "task.completed" } as const;
  await commit(log.database, taskEvent("alpha", "TASK-001"), taskEvent("alpha", "TASK-001"), completed);
  await eventually(() => expect(logger.lines[0]).toContain("for docket.alpha.tasks.updated: maximum"));
  expect((await readerOf(nats).messages(1)).map(({ event }) => event.data.number)).toEqual([1]);
  await streams.purge("DOCKET");
  await connection.close();
  expect((await readerOf(nats).messages(2)).map(({ event }) => event.data.number)).toEqual([2, 3]);
});
