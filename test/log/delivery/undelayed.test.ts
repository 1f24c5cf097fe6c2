import type { Client } from "pg";
import { expect, inject, onTestFinished, test } from "vitest";
import { connect } from "../../../src/db/connect.ts";
import { ADMIN, commit, startLog, takeEvents, taskEvent } from "../test-log.ts";

const DAY_MS = 86_400_000;
/** Nothing is tried again and nobody looks by the clock: an event comes at the first try that its commit leads to, or never. */
const settings = { pollMs: DAY_MS, drainIntervalMs: DAY_MS };

/** What somebody else does and does not end, on a connection of the tables' owner (a superuser). */
const HELD: Record<string, (somebody: Client) => Promise<unknown>> = {
  "a long report under REPEATABLE READ": (somebody) =>
    somebody.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events; SELECT count(*) FROM tasks"),
  "a dump, which holds every table": (somebody) =>
    somebody.query(`BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
      DO $$ DECLARE t regclass; BEGIN
        FOR t IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace LOOP
          EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', t);
        END LOOP; END $$`),
  "a writer that is idle in its transaction": (somebody) =>
    somebody.query(`BEGIN; INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor)
      VALUES ('task.updated', 'alpha', 'task', 'TASK-999', 'idle')`),
  "a reader that holds tasks": (somebody) => somebody.query("BEGIN; LOCK TABLE tasks IN ACCESS SHARE MODE"),
  // As VACUUM and ANALYZE of the log do while they run.
  "a VACUUM of the log": (somebody) => somebody.query("BEGIN; LOCK TABLE events IN SHARE UPDATE EXCLUSIVE MODE"),
  "a VACUUM of the inbox": (somebody) => somebody.query("BEGIN; LOCK TABLE event_inbox IN SHARE UPDATE EXCLUSIVE MODE"),
  "a project that is being changed": (somebody) =>
    somebody.query("BEGIN; UPDATE projects SET name = 'A' WHERE project_id = 'alpha'"),
};

for (const [what, hold] of Object.entries(HELD))
  test(`delivers while there is ${what}`, async () => {
    const { database, log, test: db } = await startLog({ settings });
    await commit(database, taskEvent("alpha", "TASK-001"));
    const stream = await log.follow(ADMIN, { filter: {}, after: null });
    const somebody = await connect(db.ownerUrl, "docket test somebody");
    onTestFinished(() => somebody.end());
    await hold(somebody);
    for (let i = 0; i < 3; i++) {
      await commit(database, taskEvent("alpha", "TASK-002"), taskEvent("beta", "TASK-002"));
      const events = (await takeEvents(stream, 2)).flatMap((frame) => frame.events);
      expect(events.map(({ projectId, subjectId }) => `${projectId} ${subjectId}`)).toEqual([
        "alpha TASK-002",
        "beta TASK-002",
      ]);
    }
    const { rows } = await somebody.query("SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote");
    await somebody.query("COMMIT");
    // Only the idle writer had left an event. It was no process of ours, which would have drained after its commit.
    if (!what.startsWith("a writer")) return;
    expect(rows).toEqual([{ wrote: true }]);
    await log.cursor();
    const [last] = (await takeEvents(stream, 1)).flatMap((frame) => frame.events);
    expect(last).toMatchObject({ subjectId: "TASK-999", actor: "idle", number: 5 });
  });

test("delivers while a transaction of another database of the cluster stays open", async () => {
  const { database, log } = await startLog({ settings });
  const elsewhere = await connect(inject("cluster").adminUrl, "docket test elsewhere");
  onTestFinished(() => elsewhere.end());
  // It has an id and a snapshot older than all that follows.
  await elsewhere.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()");
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  await commit(database, taskEvent("alpha", "TASK-001"));
  const events = (await takeEvents(stream, 1)).flatMap((frame) => frame.events);
  expect(events.map(({ number }) => number)).toEqual([1]);
  await elsewhere.query("ROLLBACK");
});

test("delivers while the log and the inbox are vacuumed and analysed again and again", async () => {
  const { database, log, owner } = await startLog({ settings });
  const stream = await log.follow(ADMIN, { filter: {}, after: null });
  let over = false;
  const maintaining = (async () => {
    let rounds = 0;
    for (; !over; rounds++)
      for (const what of ["VACUUM", "ANALYZE"])
        for (const table of ["events", "event_inbox"]) await owner.query(`${what} ${table}`);
    return rounds;
  })();
  for (let i = 1; i <= 10; i++) {
    await commit(database, taskEvent("alpha", "TASK-001"));
    const events = (await takeEvents(stream, 1)).flatMap((frame) => frame.events);
    expect(events.map(({ number }) => number)).toEqual([i]);
  }
  over = true;
  expect(await maintaining).toBeGreaterThan(0);
});
