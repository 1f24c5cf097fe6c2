import { expect, it, onTestFinished, vi } from "vitest";
import { commit, startLog, taskEvent } from "../../log/test-log.ts";
import { makeNatsServer } from "../../support/nats-server.ts";
import { startServerProcess } from "../../support/server-process.ts";
import { makeTemporaryFolder } from "../../support/temporary-folder.ts";
import { expectWholeLog, keepWriting, needNats, PATIENCE, readerOf, startTestBus } from "./bus-test.ts";

needNats();

it("is published once and in order by two processes, also when one of them stops", { timeout: 60_000 }, async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const other = await log.another();
  const [first] = [await startTestBus(log, nats.url), await startTestBus(other, nats.url)];
  const load = keepWriting(log.database);
  await readerOf(nats).messages(100);
  await first.close();
  const { state } = await readerOf(nats).info();
  await readerOf(nats).messages(state.messages + 100);
  await expectWholeLog(log.owner, await readerOf(nats).messages(await load.stop()));
});

it("goes on in another process when one is killed in mid-delivery", { timeout: 60_000 }, async () => {
  const [log, nats] = [await startLog(), await makeNatsServer()];
  const home = await makeTemporaryFolder("bus-processes");
  const start = () => startServerProcess(log.test, home, { DOCKET_NATS_URL: nats.url, LOG_LEVEL: "error" });
  const [one, another] = [await start(), await start()];
  const before = await vi.waitFor(async () => (await readerOf(nats).info()).state.messages, PATIENCE);
  // The one that stands still cannot take over before the other is dead.
  process.kill(another.pid, "SIGSTOP");
  onTestFinished(() => void process.kill(another.pid, "SIGCONT"));
  const COMMITS = 100;
  const AT_ONCE = 50;
  for (let i = 0; i < COMMITS; i++)
    await commit(
      log.database,
      ...Array.from({ length: AT_ONCE }, (_, n) => taskEvent("alpha", `TASK-${n % 5}`, { i, n })),
    );
  await readerOf(nats).messages(before + 1);
  process.kill(one.pid, "SIGKILL");
  const { state } = await readerOf(nats).info();
  expect(state.messages).toBeLessThan(before + COMMITS * AT_ONCE);
  process.kill(another.pid, "SIGCONT");
  await log.owner.query("SELECT drain()");
  await expectWholeLog(log.owner, await readerOf(nats).messages(before + COMMITS * AT_ONCE));
});
