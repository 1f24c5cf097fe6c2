import type { Client } from "pg";
import { expect, test, vi } from "vitest";
import type { Database } from "../../../src/db/database.ts";
import { takeHeads } from "../../../src/log/audit/kept-heads.ts";
import { type Scope, verifyLog } from "../../../src/log/audit/verify.ts";
import { takeOutOldest } from "../../../src/log/write/retention.ts";
import { LONG_AGO } from "../old-log.ts";
import { fill, usePartitionsOf } from "../small-partitions.ts";
import { startAudited, startEmpty } from "./audited.ts";

/** Lets retention take out the oldest part once: after the walk has read where the log begins, before it reads rows. */
async function takeOutBeforeRows(auditor: Client, database: Database): Promise<void> {
  const query = auditor.query.bind(auditor);
  const spy = vi.spyOn(auditor, "query").mockImplementation(((...given: Parameters<typeof query>) => {
    if (typeof given[0] === "string") return query(...given);
    spy.mockRestore();
    return void takeOutOldest(database, 24).then((table) => {
      expect(table).toMatch(/^events_from_/);
      query(...given);
    });
  }) as typeof query);
}

test("begins where the kept log does, and again when a part is taken out under its feet", async () => {
  const { auditor, database, owner } = await startEmpty();
  await usePartitionsOf(owner, 100);
  await fill(owner, "ended", 50, LONG_AGO);
  await fill(owner, "alpha", 250, LONG_AGO);
  await fill(owner, "beta", 10);
  const heads = await takeHeads(auditor);
  expect(await takeOutOldest(database, 24)).toBe("events_from_1");
  expect(await verifyLog(auditor, { against: heads })).toEqual({
    events: 210,
    projects: 2,
    floor: 100,
    olderHeads: 0,
    faults: [],
  });

  await takeOutBeforeRows(auditor, database);
  expect(await verifyLog(auditor)).toMatchObject({ events: 110, floor: 200, faults: [] });

  // A chain whose events are all taken out still has its head, and goes on from it.
  const later = await takeHeads(auditor);
  expect(later.heads).toEqual(heads.heads);
  await fill(owner, "ended", 1);
  expect((await verifyLog(auditor, { against: later })).faults).toEqual([]);
  const ended = await owner.query("SELECT number::int FROM events WHERE project_id = 'ended'");
  expect(ended.rows).toEqual([{ number: 51 }]);
  await owner.query("UPDATE project_log_floors SET hash = sha256('x') WHERE project_id = 'ended'");
  expect((await verifyLog(auditor, { against: later })).faults).toMatchObject([
    { what: "changed", projectId: "ended", number: 51 },
  ]);
  const old = { ...heads, heads: heads.heads.map((head) => ({ ...head, number: 20 })) };
  await owner.query("UPDATE project_log_floors SET hash = decode($1, 'hex') WHERE project_id = 'ended'", [
    heads.heads.find(({ projectId }) => projectId === "ended")?.hash,
  ]);
  // Kept long before: what came between is old as well.
  const longAgo = { ...old, takenAt: new Date(0).toISOString() };
  expect((await verifyLog(auditor, { against: longAgo })).olderHeads).toBe(2);
});

test("finds nothing wrong with one chain whose events are taken out under its feet", async () => {
  const { auditor, database, owner } = await startEmpty();
  await usePartitionsOf(owner, 100);
  await fill(owner, "ended", 50, LONG_AGO);
  await fill(owner, "alpha", 50, LONG_AGO);
  await fill(owner, "ended", 50, LONG_AGO);
  await fill(owner, "alpha", 60, LONG_AGO);
  const against = await takeHeads(auditor);
  const ofOne: Scope = { projectId: "ended", against };
  await takeOutBeforeRows(auditor, database);
  // The first half of the chain is gone, which looks like a gap.
  expect(await verifyLog(auditor, ofOne)).toMatchObject({ events: 50, floor: 100, faults: [] });
  await takeOutBeforeRows(auditor, database);
  // All of it is gone, which looks like an end that was removed.
  expect(await verifyLog(auditor, ofOne)).toMatchObject({ events: 0, floor: 200, faults: [] });
});

test("knows a chain whose events are all taken out under its feet", async () => {
  const { auditor, database, owner } = await startEmpty();
  await usePartitionsOf(owner, 100);
  await fill(owner, "ended", 100, LONG_AGO);
  await fill(owner, "alpha", 1);
  await takeOutBeforeRows(auditor, database);
  expect(await verifyLog(auditor, { projectId: "ended" })).toMatchObject({ events: 0, floor: 100, faults: [] });
});

/** Says that the log begins after a position, as retention would. */
const MOVE_FLOOR = (to: number) => `
  INSERT INTO project_log_floors SELECT DISTINCT ON (project_id) project_id, number, hash FROM events
    WHERE position <= ${to} ORDER BY project_id, position DESC
    ON CONFLICT (project_id) DO UPDATE SET number = excluded.number, hash = excluded.hash;
  UPDATE log_floor SET position = ${to}, hash = (SELECT hash FROM events WHERE position = ${to})`;

test("finds a beginning of the log that was moved over events that somebody changed, or removed", async () => {
  const { auditor, tamper } = await startAudited();
  await tamper(`UPDATE events SET actor = 'nobody' WHERE position = 1; ${MOVE_FLOOR(4)}`);
  expect((await verifyLog(auditor)).faults).toMatchObject([{ what: "floor", position: 1 }]);
  expect((await verifyLog(auditor, { projectId: "beta" })).faults).toMatchObject([{ what: "floor", position: 1 }]);
  await tamper("DELETE FROM events WHERE position <= 4");
  expect((await verifyLog(auditor)).faults).toMatchObject([{ what: "floor", position: 4 }]);
});

test("finds that events were taken out which are younger than retention keeps them, by heads that were kept", async () => {
  const { auditor, owner } = await startEmpty();
  await usePartitionsOf(owner, 10);
  await fill(owner, "alpha", 6);
  await fill(owner, "beta", 4);
  await fill(owner, "alpha", 8);
  const against = await takeHeads(auditor);
  await fill(owner, "alpha", 8);
  for (const [to, partition] of [
    [10, "events_from_1"],
    [20, "events_from_11"],
  ] as const) {
    await owner.query(`SET session_replication_role = replica; ${MOVE_FLOOR(to)};
      ALTER TABLE events DETACH PARTITION ${partition}; RESET session_replication_role`);
  }
  expect((await verifyLog(auditor)).faults).toEqual([]);
  expect((await verifyLog(auditor, { against })).faults).toMatchObject([
    { what: "floor", position: 20 },
    { what: "removed", projectId: "alpha", number: 14 },
  ]);
});
