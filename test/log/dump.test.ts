import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { createDatabase } from "../../src/db/create-database.ts";
import { openDatabase } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { connectAuditor } from "../../src/log/audit/auditor.ts";
import { verifyLog } from "../../src/log/audit/verify.ts";
import { ensureReader, pump } from "../../src/log/sinks/pump.ts";
import { EVERYTHING } from "../../src/log/sinks/sink.ts";
import { takeOutOldest } from "../../src/log/write/retention.ts";
import { findSystemPostgres, startSystemPostgres } from "../support/system-postgres.ts";
import { ManualClock } from "./manual-clock.ts";
import { openServerLog, silent } from "./open-log.ts";
import { fill, partitions, usePartitionsOf } from "./small-partitions.ts";
import { ADMIN, commit, takeEvents, taskEvent } from "./test-log.ts";

const LONG_AGO = "docket_now() - interval '3 years'";
const numbersOf = (events: readonly { number: number }[]) => events.map(({ number }) => number);
const countUp = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** What a server has open on a database; closed with the test at the latest. */
async function openServer(url: string) {
  const database = openDatabase({ url, size: 5, applicationName: "docket test" });
  const log = await openServerLog({ database, listenUrl: url });
  const owner = await connect(url, "docket test owner");
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= Promise.all([log.close(), owner.end()]).then(() => database.close()));
  onTestFinished(close);
  return { database, log, owner, close };
}

/** Takes what there is for a sink of this name. */
async function readOn(database: ReturnType<typeof openDatabase>): Promise<number[]> {
  const positions: number[] = [];
  const sink = {
    reader: "bus",
    selection: EVERYTHING,
    take: async (events: readonly { position: number }[]) => void positions.push(...events.map((e) => e.position)),
  };
  while (await pump(database, new ManualClock(), silent, sink));
  return positions;
}

test("a dump restored into another cluster keeps numbers, chain, cursors and the places of sinks, and goes on", async ({
  skip,
}) => {
  const bin = await findSystemPostgres();
  if (bin === undefined) return skip("this machine has no PostgreSQL with pg_dump under /usr/lib/postgresql");
  const [source, target] = await Promise.all([startSystemPostgres(bin), startSystemPostgres(bin)]);
  await createDatabase(source.url);
  await migrate({ ownerUrl: source.url, loginUrl: source.url });

  const before = await openServer(source.url);
  await usePartitionsOf(before.owner, 100);
  await fill(before.owner, "alpha", 120, LONG_AGO);
  expect(await takeOutOldest(before.database, 24)).toBe("events_from_1");
  await ensureReader(before.database, "bus");
  await fill(before.owner, "alpha", 30);
  const cursor = await before.log.cursor();
  await fill(before.owner, "beta", 40);
  expect(await readOn(before.database)).toEqual(countUp(121, 190));
  await before.close();
  // Committed, and nobody has moved them into the log.
  const late = openDatabase({ url: source.url, size: 2, applicationName: "docket test" });
  await commit(late, taskEvent("alpha", "TASK-001", { text: "ü" }), taskEvent("beta", "TASK-001"));
  expect(await late.read("SELECT count(*) AS waiting FROM event_inbox")).toEqual([{ waiting: 2 }]);
  await late.close();

  const dump = join(source.folder, "dump");
  expect(await source.client("pg_dump", "-Fc", "-f", dump, "docket")).toEqual({ code: 0, output: "" });
  await createDatabase(target.url);
  const restore = () => target.client("pg_restore", "--exit-on-error", "--single-transaction", "-d", "docket", dump);
  // A dump of one database does not hold the cluster's roles.
  expect(await restore()).toMatchObject({
    code: 1,
    output: expect.stringContaining('role "docket_app" does not exist'),
  });
  expect(await target.client("psql", "-q", "-c", "CREATE ROLE docket_app NOLOGIN", "docket")).toMatchObject({
    code: 0,
  });
  expect(await restore()).toEqual({ code: 0, output: "" });
  expect(await migrate({ ownerUrl: target.url, loginUrl: target.url })).toEqual({ applied: [] });

  const { database, log, owner } = await openServer(target.url);
  const auditor = await connectAuditor(target.url);
  onTestFinished(() => auditor.end());
  const rest = await log.events(ADMIN, { filter: {}, after: cursor, first: 100 });
  expect(numbersOf(rest.events)).toEqual([...countUp(1, 40), 151, 41]);
  expect(rest.events.at(-2)?.payload).toEqual({ text: "ü" });
  const oldest = await log.events(ADMIN, { filter: {}, after: null, first: 1 });
  expect(numbersOf(oldest.events)).toEqual([101]);
  expect(await readOn(database)).toEqual([191, 192]);
  expect(await verifyLog(auditor)).toMatchObject({ events: 92, projects: 2, floor: 100, faults: [] });

  // It goes on: into partitions that are made here, in streams, and without a hole.
  const stream = await log.follow(ADMIN, { filter: {}, after: rest.cursor });
  const made = await partitions(owner);
  for (let half = 0; half < 2; half++) {
    await commit(database, ...countUp(1, 150).map((i) => taskEvent("alpha", `TASK-${i}`)));
    await log.cursor();
  }
  const frames = await takeEvents(stream, 300);
  expect(frames.flatMap(({ events }) => numbersOf(events))).toEqual(countUp(152, 451));
  await stream.return?.();
  expect((await partitions(owner)).length).toBeGreaterThan(made.length);
  expect(await readOn(database)).toEqual(countUp(193, 492));
  expect(await verifyLog(auditor)).toMatchObject({ events: 392, projects: 2, faults: [] });

  // And it is guarded as before: each partition, those that were taken out, and those made since.
  for (const table of ["events", "events_from_1", ...(await partitions(owner))])
    for (const statement of [`UPDATE ${table} SET actor = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
      await expect(database.write(statement)).rejects.toThrow("permission denied");
      const empty = (await owner.query(`SELECT FROM ${table} LIMIT 1`)).rowCount === 0;
      if (!empty || statement.startsWith("TRUNCATE"))
        await expect(owner.query(statement), statement).rejects.toThrow("The event log is immutable");
    }
  expect(await database.read("SELECT count(*) AS tasks FROM task_events")).toEqual([{ tasks: 392 }]);
  await owner.query("INSERT INTO clock_offset (moved_by) VALUES ('3 years')");
  expect(await takeOutOldest(database, 24)).toBe("events_from_101");
  expect(await verifyLog(auditor)).toMatchObject({ events: 292, floor: 200, faults: [] });
});
