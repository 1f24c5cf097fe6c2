import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/db/connect.ts";
import { commit, startLog, type TestLog, taskEvent } from "./test-log.ts";

/** The next drain looks at once who is writing, instead of once a second. */
const lookAgain = (owner: Client) => owner.query("UPDATE inbox_floor SET looked_at = '-infinity'");

async function floorOf(owner: Client): Promise<number> {
  const { rows } = await owner.query<{ floor: string }>("SELECT floor FROM inbox_floor");
  return Number(rows[0]?.floor);
}

async function drainOne({ database, owner }: TestLog, taskId: string): Promise<void> {
  await lookAgain(owner);
  await commit(database, taskEvent("alpha", taskId));
  await owner.query("SELECT drain()");
}

async function anotherClient({ test: { ownerUrl } }: TestLog): Promise<Client> {
  const client = await connect(ownerUrl, "docket test");
  onTestFinished(() => client.end());
  return client;
}

/** Pages of tables and indexes that one drain of one event looks at. */
async function pagesOfOneDrain(at: TestLog): Promise<number> {
  await commit(at.database, taskEvent("alpha", "TASK-001"));
  const { rows } = await at.owner.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
    "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM drain()",
  );
  const plan = rows[0]?.["QUERY PLAN"][0].Plan ?? {};
  return (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
}

/** No drain of the process's own comes in between. */
const ALONE = { settings: { drainDelayMs: 1e9, drainIntervalMs: 1e9 } };

test("drains as fast under a long report after thousands of events as after a few", async () => {
  const at = await startLog(ALONE);
  const report = await anotherClient(at);
  await report.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events");
  for (let i = 0; i < 3; i++) await drainOne(at, "TASK-001");
  await pagesOfOneDrain(at);
  const before = await pagesOfOneDrain(at);

  for (let i = 0; i < 10; i++) {
    await commit(at.database, ...Array.from({ length: 500 }, () => taskEvent("alpha", "TASK-001")));
    await at.owner.query("SELECT drain()");
  }
  for (let i = 0; i < 3; i++) await drainOne(at, "TASK-001");
  // 5,000 dead rows fill some 150 pages of the inbox.
  expect(await pagesOfOneDrain(at)).toBeLessThan(before + 50);
  await report.query("COMMIT");
});

test("never passes over a transaction that has a number and has not committed yet", async () => {
  const at = await startLog(ALONE);
  await drainOne(at, "TASK-001");
  const late = await anotherClient(at);
  await late.query("BEGIN");
  const { rows } = await late.query<{ seq: string }>(
    `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor)
     VALUES ('task.updated', 'alpha', 'task', 'LATE', 'late') RETURNING seq`,
  );
  for (let i = 0; i < 5; i++) await drainOne(at, "TASK-002");
  expect(await floorOf(at.owner)).toBeLessThan(Number(rows[0]?.seq));
  await late.query("COMMIT");
  await at.owner.query("SELECT drain()");
  const { rows: logged } = await at.owner.query(
    "SELECT number::int, subject_id FROM events ORDER BY position DESC LIMIT 1",
  );
  expect(logged).toEqual([{ number: 7, subject_id: "LATE" }]);
  for (let i = 0; i < 3; i++) await drainOne(at, "TASK-003");
  expect(await floorOf(at.owner)).toBeGreaterThan(Number(rows[0]?.seq));
});

test("looks at the whole inbox again when a restore has set its numbers back", async () => {
  const at = await startLog(ALONE);
  for (let i = 0; i < 4; i++) await drainOne(at, "TASK-001");
  expect(await floorOf(at.owner)).toBeGreaterThan(1);
  await at.owner.query("ALTER TABLE event_inbox ALTER COLUMN seq RESTART WITH 1");
  await commit(at.database, taskEvent("alpha", "AGAIN"));
  await at.owner.query("SELECT drain()");
  const { rows } = await at.owner.query("SELECT subject_id FROM events ORDER BY position DESC LIMIT 1");
  expect(rows).toEqual([{ subject_id: "AGAIN" }]);
});
