import { generateKeyPairSync } from "node:crypto";
import type { Client } from "pg";
import { expect, test } from "vitest";
import { ENTRY } from "../../../src/log/audit/auditor.ts";
import { readHeads, signHeads, takeHeads } from "../../../src/log/audit/kept-heads.ts";
import { type Scope, verifyLog } from "../../../src/log/audit/verify.ts";
import { fill } from "../small-partitions.ts";
import { commit, taskEvent } from "../test-log.ts";
import { startAudited } from "./audited.ts";

/** Makes all links anew from a position on, as a superuser would who knows how. */
const RECHAIN = (from: number) => `DO $$ DECLARE e events; BEGIN
  FOR e IN SELECT * FROM events WHERE position >= ${from} ORDER BY position LOOP
    UPDATE events SET hash = log_link(NULL, coalesce((SELECT p.hash FROM events p
      WHERE p.project_id = e.project_id AND p.position < e.position ORDER BY p.position DESC LIMIT 1), ''), log_entry(e))
    WHERE position = e.position;
  END LOOP; END $$`;

test("verifies a log that nobody has touched, while it goes on", async () => {
  const { auditor, database, owner } = await startAudited();
  expect(await verifyLog(auditor)).toEqual({ events: 12, projects: 2, floor: 0, olderHeads: 0, faults: [] });
  expect(await verifyLog(auditor, { projectId: "alpha" })).toMatchObject({ events: 6, projects: 1, faults: [] });
  await expect(verifyLog(auditor, { projectId: "nowhere" })).rejects.toThrow("no events of project nowhere");

  let writing = true;
  const writer = (async () => {
    while (writing) {
      await commit(database, taskEvent("alpha", "TASK-001"), taskEvent("gamma", "TASK-001"));
      await owner.query("SELECT drain()");
    }
  })();
  for (let i = 0; i < 10; i++) expect((await verifyLog(auditor)).faults).toEqual([]);
  writing = false;
  await writer;
});

test("computes the same text as the database, whatever an event holds, and does not ask its functions", async () => {
  const { auditor, database, owner, tamper } = await startAudited();
  const payloads = [
    { text: 'ü € 𝄞 "\\/\u0001\t', number: 1.1, big: 1e21, nested: [null, true, {}, [[]]], "": "" },
    { "quote'": "--", long: "x".repeat(100_000) },
  ];
  for (const payload of payloads) await commit(database, taskEvent("alpha", "TASK-€", payload));
  for (const instant of ["1969-12-31 23:59:59.999999+00", "0044-03-15 00:00:00+00 BC", "9999-12-31 23:59:59+14"])
    await fill(owner, "beta", 1, `'${instant}'`);
  await owner.query(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload)
    VALUES ('t', 'alpha', 'task', '', '', '{"n": 1e400, "m": 1.10, "o": -0}')`);
  await owner.query(`INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id)
    SELECT odd, 'alpha', odd, odd, odd, odd, odd FROM (SELECT E'"\\\\/ü 𝄞\\u0001\\n\\t' AS odd) one`);
  await owner.query("SET timezone = 'Asia/Kathmandu'; SELECT drain()");
  const { rows } = await owner.query(
    `SELECT count(*)::int AS events, bool_and(log_entry(e) = ${ENTRY}) AS same FROM events e`,
  );
  expect(rows).toEqual([{ events: 19, same: true }]);
  expect((await verifyLog(auditor)).faults).toEqual([]);

  await tamper(`CREATE OR REPLACE FUNCTION log_entry(e events) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$;
    CREATE FUNCTION public.jsonb_build_array(VARIADIC "any") RETURNS jsonb LANGUAGE internal AS 'jsonb_build_object';
    UPDATE events SET payload = '{}' WHERE position = 13`);
  expect((await verifyLog(auditor)).faults[0]).toMatchObject({ what: "changed", position: 13 });
});

const CHANGES = [
  ["a payload", "UPDATE events SET payload = '{}' WHERE position = 5"],
  ["an actor", "UPDATE events SET actor = 'nobody' WHERE position = 5"],
  ["a client", "UPDATE events SET client = 'x' WHERE position = 5"],
  ["a time", "UPDATE events SET occurred_at = occurred_at + interval '1 microsecond' WHERE position = 5"],
  ["a correlation id", "UPDATE events SET correlation_id = NULL WHERE position = 5"],
  ["an event id", "UPDATE events SET event_id = gen_random_uuid() WHERE position = 5"],
  ["a hash", "UPDATE events SET hash = sha256('x') WHERE position = 5"],
  [
    "two payloads that were swapped",
    `UPDATE events e SET payload = o.payload FROM events o
     WHERE (e.position, o.position) IN ((5, 9), (9, 5))`,
  ],
] as const;

test.each(CHANGES)("finds the row with %s changed", async (_, sql) => {
  const { auditor, owner, tamper } = await startAudited();
  await tamper(sql);
  const { rows } = await owner.query<{ event_id: string }>("SELECT event_id FROM events WHERE position = 5");
  const fault = { what: "changed", position: 5, projectId: "alpha", number: 3, eventId: rows[0]?.event_id };
  expect((await verifyLog(auditor)).faults).toEqual([{ ...fault, reason: expect.stringContaining("hash") }]);
  expect((await verifyLog(auditor, { projectId: "alpha" })).faults).toMatchObject([fault]);
  expect((await verifyLog(auditor, { projectId: "beta" })).faults).toEqual([]);
});

test("finds a number that was changed, and rows whose positions were swapped", async () => {
  const { auditor, tamper } = await startAudited();
  await tamper("UPDATE events SET number = 40 WHERE position = 8");
  expect((await verifyLog(auditor)).faults).toMatchObject([
    { what: "number", position: 8, projectId: "beta", number: 40 },
  ]);
  await tamper("UPDATE events SET number = 2 WHERE position = 8");
  expect((await verifyLog(auditor)).faults).toMatchObject([
    { what: "inserted", position: 8, projectId: "beta", number: 2 },
  ]);
  await tamper(`UPDATE events SET number = 4 WHERE position = 8; UPDATE events SET position = 500 WHERE position = 5;
    UPDATE events SET position = 5 WHERE position = 9; UPDATE events SET position = 9 WHERE position = 500`);
  expect((await verifyLog(auditor)).faults).toMatchObject([
    { what: "number", position: 5, projectId: "alpha", number: 5 },
  ]);
});

test("finds rows that were removed, from the middle and from the beginning, and says whose they were", async () => {
  const { auditor, tamper } = await startAudited();
  await tamper("DELETE FROM events WHERE position = 6");
  const removed = { what: "removed", projectId: "beta", number: 3, eventId: null };
  expect((await verifyLog(auditor)).faults).toMatchObject([{ ...removed, position: 6, reason: "it is missing" }]);
  expect((await verifyLog(auditor, { projectId: "beta" })).faults).toMatchObject([{ ...removed, position: null }]);
  expect((await verifyLog(auditor, { projectId: "alpha" })).faults).toEqual([]);
  await tamper("DELETE FROM events WHERE position <= 3");
  expect((await verifyLog(auditor)).faults).toMatchObject([
    { what: "removed", position: 1, reason: "positions 1 to 3 are missing" },
  ]);
});

test("finds rows that were put in by hand, at the end and far behind it", async () => {
  const { auditor, tamper } = await startAudited();
  const insert = (position: number, number: number) => `INSERT INTO events
    SELECT ${position}, ${number}, gen_random_uuid(), event_type, project_id, subject_type, subject_id, actor, client,
      occurred_at, correlation_id, payload, hash FROM events WHERE position = 12`;
  await tamper(insert(13, 7));
  const put = { what: "changed", position: 13, projectId: "beta", number: 7 };
  expect((await verifyLog(auditor)).faults).toMatchObject([{ ...put, reason: expect.stringContaining("by hand") }]);
  await tamper("UPDATE events SET number = 6 WHERE position = 13");
  expect((await verifyLog(auditor)).faults).toMatchObject([{ ...put, what: "inserted", number: 6 }]);
  await tamper("UPDATE events SET position = 100000 WHERE position = 13");
  expect((await verifyLog(auditor)).faults).toMatchObject([{ what: "removed", position: 13 }]);
});

test("finds the end of the log removed by what a sink has read", async () => {
  const { auditor, owner, tamper } = await startAudited();
  await owner.query(`INSERT INTO log_readers (reader, position, hash)
    SELECT 'bus', position, substr(hash, 1, 8) FROM events WHERE position = 12`);
  expect((await verifyLog(auditor)).faults).toEqual([]);
  await tamper("DELETE FROM events WHERE position > 10");
  expect((await verifyLog(auditor)).faults).toMatchObject([{ what: "rewritten", position: 12 }]);
});

test("finds, by heads kept elsewhere, an end that was removed and a chain that was made anew", async () => {
  const { auditor, database, owner, tamper } = await startAudited();
  const against = await takeHeads(auditor);
  expect(against).toMatchObject({ version: 1, position: 12, floor: 0 });
  expect(against.heads.map(({ projectId, number }) => [projectId, number])).toEqual([
    ["alpha", 6],
    ["beta", 6],
  ]);
  await commit(database, taskEvent("alpha", "TASK-9"), taskEvent("beta", "TASK-9"));
  await owner.query("SELECT drain()");
  const check = (scope: Scope = {}) => verifyLog(auditor, { against, ...scope });
  expect(await check()).toMatchObject({ events: 14, faults: [] });

  await tamper("UPDATE events SET actor = 'nobody' WHERE position = 3");
  await tamper(RECHAIN(3));
  // By itself the log is whole again.
  expect((await verifyLog(auditor)).faults).toEqual([]);
  const rewritten = { what: "rewritten", position: 11, projectId: "alpha", number: 6 };
  expect((await check()).faults).toMatchObject([rewritten]);
  expect((await check({ projectId: "alpha" })).faults).toMatchObject([rewritten]);
  expect((await check({ projectId: "beta" })).faults).toEqual([]);

  await tamper("DELETE FROM events WHERE position > 10");
  expect((await verifyLog(auditor)).faults).toEqual([]);
  expect((await check()).faults).toMatchObject([
    { what: "removed", projectId: "alpha", number: 6 },
    { what: "removed", projectId: "beta", number: 6 },
  ]);
  // The log goes on, and what it gives the same numbers is something else.
  await commit(database, taskEvent("alpha", "TASK-10"), taskEvent("beta", "TASK-10"));
  await owner.query("SELECT drain()");
  expect((await check()).faults).toMatchObject([rewritten, { what: "rewritten", projectId: "beta", number: 6 }]);
  await tamper("TRUNCATE events");
  expect((await check()).faults).toMatchObject([
    { what: "removed", projectId: "alpha", number: 1 },
    { what: "removed", projectId: "beta", number: 1 },
  ]);
});

test("signs heads, and refuses ones that were changed, are not signed, or are signed by another", async () => {
  const { auditor } = await startAudited();
  const pair = (type: "ed25519" | "ed448") => {
    const options = { format: "pem", type: "pkcs8" } as const;
    const { privateKey, publicKey } =
      type === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ed448");
    return {
      secret: privateKey.export(options) as string,
      open: publicKey.export({ ...options, type: "spki" }) as string,
    };
  };
  const [ours, other, wrong] = [pair("ed25519"), pair("ed25519"), pair("ed448")];
  const heads = await takeHeads(auditor);
  const signed = signHeads(heads, ours.secret);
  for (const layout of [undefined, 2])
    expect(readHeads(JSON.stringify(signed, null, layout), ours.open)).toEqual(signed);
  const bent = { ...signed, heads: signed.heads.map((head) => ({ ...head, number: 5 })) };
  expect(() => readHeads(JSON.stringify(bent), ours.open)).toThrow("signature of the kept heads is wrong");
  expect(() => readHeads(JSON.stringify(signed), other.open)).toThrow("signature of the kept heads is wrong");
  expect(() => readHeads(JSON.stringify(heads), ours.open)).toThrow("no signature");
  expect(() => readHeads(JSON.stringify(signed), wrong.open)).toThrow("not an Ed25519 public key");
  expect(() => signHeads(heads, wrong.secret)).toThrow("not an Ed25519 private key");
  expect(() => signHeads(heads, "x")).toThrow("openssl genpkey");
  expect(() => readHeads("{", null)).toThrow("not JSON");
  expect(() => readHeads('{"version": 1}', null)).toThrow("takenAt");
});

test("finds events that wait where no drain looks", async () => {
  const { auditor, owner } = await startAudited();
  await owner.query("UPDATE inbox_floor SET (floor, seq) = (SELECT last_value, last_value FROM event_inbox_seq_seq)");
  // Waits for the next drain, as it should.
  await fillInbox(owner, "DEFAULT", "alpha");
  expect((await verifyLog(auditor)).faults).toEqual([]);
  await fillInbox(owner, "2", "beta");
  await fillInbox(owner, "1", "alpha");
  await owner.query("SELECT drain()");
  const { rows } = await owner.query<{ event_id: string }>("SELECT event_id FROM event_inbox ORDER BY seq");
  const [first, second] = rows.map(({ event_id: eventId }) => ({ what: "stranded", position: null, eventId }));
  expect((await verifyLog(auditor)).faults).toMatchObject([
    { ...first, projectId: "alpha", reason: expect.stringMatching(/^it and 1 more wait in event_inbox/) },
  ]);
  expect((await verifyLog(auditor, { projectId: "beta" })).faults).toMatchObject([
    { ...second, projectId: "beta", reason: expect.stringMatching(/^it waits in event_inbox/) },
  ]);
});

/** Puts an event into the inbox under a number of one's choice, as its owner can. */
async function fillInbox(owner: Client, seq: string, projectId: string): Promise<void> {
  await owner.query(
    `INSERT INTO event_inbox (seq, event_type, project_id, subject_type, subject_id, actor) OVERRIDING SYSTEM VALUE
     VALUES (${seq}, 'task.updated', $1, 'task', 'TASK-001', 'somebody')`,
    [projectId],
  );
}
