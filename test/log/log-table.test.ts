import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { takeOutOldest } from "../../src/log/write/retention.ts";
import { fill, partitions, usePartitionsOf } from "./small-partitions.ts";
import { commit, startLog, taskEvent } from "./test-log.ts";

test("refuses UPDATE, DELETE and TRUNCATE of the log and of its partitions, for the owner and for docket_app", async () => {
  const { database, log, owner } = await startLog();
  await commit(database, taskEvent("alpha", "TASK-001"));
  await log.cursor();
  for (const table of ["events", "events_from_1"]) {
    for (const statement of [`UPDATE ${table} SET actor = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
      await expect(owner.query(statement)).rejects.toThrow("The event log is immutable");
      await expect(database.pool.query(statement)).rejects.toThrow("permission denied");
    }
  }
  await expect(database.pool.query("INSERT INTO events SELECT * FROM events")).rejects.toThrow("permission denied");
  await expect(database.pool.query("UPDATE log_head SET position = 0")).rejects.toThrow("permission denied");
  await expect(database.pool.query("DELETE FROM event_inbox")).rejects.toThrow("permission denied");
  expect((await owner.query("SELECT actor FROM events")).rows).toEqual([{ actor: "admin" }]);
});

test("keeps what was taken out as immutable as the log, for its owner alone", async () => {
  const { database, owner } = await startLog();
  await usePartitionsOf(owner, 100);
  await fill(owner, "alpha", 150, "docket_now() - interval '3 years'");
  const name = await takeOutOldest(database, 24);
  expect(name).toBe("events_from_1");
  for (const statement of [`UPDATE ${name} SET actor = 'x'`, `DELETE FROM ${name}`, `TRUNCATE ${name}`]) {
    await expect(owner.query(statement)).rejects.toThrow("The event log is immutable");
    await expect(database.pool.query(statement)).rejects.toThrow("permission denied");
  }
  await expect(database.pool.query(`SELECT FROM ${name}`)).rejects.toThrow("permission denied");
  expect((await owner.query(`SELECT count(*)::int AS n FROM ${name}`)).rows).toEqual([{ n: 100 }]);
  for (const statement of [
    "UPDATE log_floor SET position = 0",
    "DELETE FROM project_log_floors",
    "ALTER TABLE events DETACH PARTITION events_from_101",
    "UPDATE task_events SET user_id = 'x'",
  ])
    await expect(database.pool.query(statement)).rejects.toThrow(/permission denied|must be owner/);
  await expect(owner.query("UPDATE task_events SET user_id = 'x'")).rejects.toThrow("The event log is immutable");
  // Once it is stored elsewhere.
  await owner.query(`DROP TABLE ${name}`);
  expect(await database.read("SELECT min(position) AS oldest, count(*) AS n FROM events")).toEqual([
    { oldest: 101, n: 50 },
  ]);
});

test("makes partitions ahead of need, and guards each of them", async () => {
  const { database, log, owner } = await startLog();
  await usePartitionsOf(owner, 2000);
  const events = Array.from({ length: 5_000 }, (_, i) => taskEvent("alpha", `TASK-${i % 7}`));
  await commit(database, ...events);
  await log.cursor();
  const names = await partitions(owner);
  expect(names).toEqual(["events_from_1", "events_from_2001", "events_from_4001"]);
  for (const name of names) await expect(owner.query(`TRUNCATE ${name}`)).rejects.toThrow("The event log is immutable");
  await expect(owner.query("DELETE FROM events_from_4001")).rejects.toThrow("The event log is immutable");
  const count = await database.read("SELECT count(*) AS n, max(position) AS last, max(number) AS number FROM events");
  expect(count).toEqual([{ n: 5_000, last: 5_000, number: 5_000 }]);
});

test("goes on while somebody holds the definition of the log, as long as the partitions have room", async () => {
  const { database, log, owner } = await startLog();
  await owner.query("UPDATE log_head SET partition_size = 1000000000");
  await owner.query("BEGIN");
  await owner.query("LOCK TABLE events IN SHARE UPDATE EXCLUSIVE MODE");
  await commit(database, taskEvent("alpha", "TASK-001"));
  await log.cursor();
  expect(await database.read("SELECT position FROM events")).toEqual([{ position: 1 }]);
  await owner.query("ROLLBACK");
  await commit(database, taskEvent("alpha", "TASK-001"));
  await log.cursor();
  expect(await database.read("SELECT partitions_end FROM log_head")).toEqual([{ partitions_end: 1001000001 }]);
});

test("chains the events of each project, so that any change by a superuser shows", async () => {
  const { database, log, owner } = await startLog();
  const changes = [{ text: "ü", n: 1.5, deep: { list: [null, true] } }, {}, { text: "b" }];
  for (const payload of changes)
    await commit(database, taskEvent("alpha", "TASK-001", payload), taskEvent("beta", "TASK-001", payload));
  await log.cursor();
  const chain = async () => {
    const heads = new Map<string, Buffer>();
    const { rows } = await owner.query<{ project_id: string; entry: string; hash: Buffer; number: string }>(
      "SELECT project_id, number, log_entry(e) AS entry, hash FROM events e ORDER BY position",
    );
    for (const { project_id, entry, hash, number } of rows) {
      const before = heads.get(project_id) ?? Buffer.alloc(0);
      const expected = createHash("sha256").update(before).update(entry).digest();
      if (!expected.equals(hash)) return `${project_id} ${number}`;
      heads.set(project_id, hash);
    }
    return heads;
  };
  const { rows } = await owner.query<{ project_id: string; hash: Buffer }>(
    "SELECT project_id, hash FROM project_log_heads",
  );
  expect(await chain()).toEqual(new Map(rows.map(({ project_id, hash }) => [project_id, hash])));

  await owner.query("ALTER TABLE events DISABLE TRIGGER events_immutable");
  await owner.query("UPDATE events SET actor = 'nobody' WHERE project_id = 'beta' AND number = 2");
  expect(await chain()).toBe("beta 2");
});

test("refuses an event that could never be moved into the log, with the change that made it", async () => {
  const { database } = await startLog();
  await expect(commit(database, taskEvent("alpha", "T".repeat(3000)))).rejects.toThrow("chk_inbox_movable");
  await expect(
    database.write(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, occurred_at)
      VALUES ('task.updated', 'alpha', 'task', 'TASK-001', 'a', 'infinity')`),
  ).rejects.toThrow("chk_inbox_movable");
});
