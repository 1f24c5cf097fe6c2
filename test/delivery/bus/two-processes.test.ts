import { expect, it, onTestFinished } from "vitest";
import { startLog } from "../../log/test-log.ts";
import { eventually } from "../../support/eventually.ts";
import { makeNatsServer } from "../../support/nats-server.ts";
import { startServerProcess } from "../../support/server-process.ts";
import { makeTemporaryFolder } from "../../support/temporary-folder.ts";
import { expectWholeLog, keepWriting, needNats, readerOf, startTestBus } from "./bus-test.ts";

needNats();

it("is published once and in order by two processes, also when one of them stops", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const other = await log.another();
  const [first] = [await startTestBus(log, nats.url), await startTestBus(other, nats.url)];
  const load = keepWriting(log.database);
  await readerOf(nats).reach(50);
  await first.close();
  const { state } = await readerOf(nats).info();
  await readerOf(nats).reach(state.messages + 50);
  await expectWholeLog(log.owner, await readerOf(nats).messages(await load.stop()));
});

it("goes on in another process when one is killed in mid-delivery", async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const home = await makeTemporaryFolder("bus-processes");
  const start = () => startServerProcess(log.test, home, { DOCKET_NATS_URL: nats.url, LOG_LEVEL: "error" });
  const [one, another] = [await start(), await start()];
  // The one that stands still cannot take over before the other is dead, and must not hold the place meanwhile.
  onTestFinished(() => void process.kill(another.pid, "SIGCONT"));
  await eventually(async () => {
    process.kill(another.pid, "SIGCONT");
    process.kill(another.pid, "SIGSTOP");
    const busy = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state LIKE '%in transaction%'";
    expect((await log.owner.query(busy)).rowCount).toBe(0);
  });
  const load = keepWriting(log.database);
  await readerOf(nats).reach(50);
  await one.kill();
  const writtenBefore = load.committed;
  await eventually(() => expect(load.committed).toBeGreaterThan(writtenBefore + 50));
  await load.stop();
  await log.log.cursor();
  const { rows } = await log.owner.query<{ events: number }>("SELECT count(*)::int AS events FROM events");
  const [{ events } = { events: 0 }] = rows;
  // Nobody has published these last ones yet.
  expect((await readerOf(nats).info()).state.messages).toBeLessThan(events);
  process.kill(another.pid, "SIGCONT");
  await expectWholeLog(log.owner, await readerOf(nats).messages(events));
});
