import { expect, it } from "vitest";
import { openDatabase } from "../../src/db/database.ts";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { expireReservations } from "../../src/ids/expire.ts";
import { idRegistry } from "../../src/ids/registry.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { reservations } from "../../src/jobs/reservations.ts";
import { nothingHeard } from "../jobs/nothing-heard.ts";
import { ManualClock } from "../log/manual-clock.ts";
import { silent } from "../log/open-log.ts";
import { PATIENCE } from "../support/patience.ts";
import type { VerbTest } from "../support/verbs.ts";
import { withProjects } from "./projects.ts";

const US = { projectId: "alpha", artifactType: "US" };
const expired = async (t: VerbTest) => (await t.events()).filter(({ type }) => type === "ids.expired");

it("tells soon that a reservation has expired, also when nobody asks for an ID of its type again", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { ...US, count: 3 });
  await reserveIds(t.as(), { ...US, artifactType: "ADR", count: 1, ttlSeconds: 3_600 });
  const clock = new ManualClock();
  const job = await reservations.start({ database: t.database, log: nothingHeard, clock, logger: silent });
  try {
    await expect.poll(() => clock.pending).toBe(1);
    await t.pass(800);
    await clock.advance(60_000);
    await expect.poll(() => clock.pending).toBe(1);
    expect(await expired(t)).toEqual([]);
    await t.pass(100);
    await clock.advance(59_999);
    await expect.poll(() => clock.pending).toBe(1);
    expect(await expired(t)).toEqual([]);
    await clock.advance(1);
    await expect.poll(() => expired(t)).toMatchObject([{ subject_id: reservationId, project_id: "alpha" }]);
  } finally {
    await job.close();
  }
  expect(await idRegistry(t.as(), US)).toMatchObject([{ released: ["US-001..US-003"], nextAvailable: "US-001" }]);
  // A late confirm keeps its numbers as before.
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
  expect(await idRegistry(t.as(), US)).toMatchObject([{ released: [], nextAvailable: "US-004" }]);
});

it("tells of the others when one sequence fails, and says what failed", async () => {
  const t = await withProjects("alpha", "beta");
  for (const projectId of ["alpha", "beta"]) await reserveIds(t.as(), { ...US, projectId, count: 1, ttlSeconds: 60 });
  await t.owner.query(
    "ALTER TABLE id_reservations ADD CONSTRAINT stuck CHECK (namespace <> 'alpha' OR expired_at IS NULL)",
  );
  await t.pass(60);
  await expect(expireReservations(t.database)).rejects.toThrow(/stuck/);
  expect(await expired(t)).toMatchObject([{ project_id: "beta" }]);
  await t.owner.query("ALTER TABLE id_reservations DROP CONSTRAINT stuck");
  expect(await expireReservations(t.database)).toBe(true);
  expect(await expired(t)).toMatchObject([{ project_id: "beta" }, { project_id: "alpha" }]);
  expect(await expireReservations(t.database)).toBe(false);
});

it("reads a reservation only a few times to tell of it, however many there are", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("INSERT INTO id_registry VALUES ('alpha', 'US', 1000)");
  await t.owner.query(
    `INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, expires_at)
     SELECT 'alpha', 'US', 'alpha', int8multirange(int8range(n, n + 1)), now() - n * interval '1 s' FROM generate_series(1, 1000) n`,
  );
  const done = async () => {
    const { rows } = await t.owner.query(
      `SELECT (seq_tup_read + idx_tup_fetch)::int AS read, n_tup_upd::int AS changed FROM pg_stat_xact_user_tables
       WHERE relname = 'id_reservations'`,
    );
    return rows[0];
  };
  await t.owner.query("BEGIN");
  // What the connection did up to a second ago, for the test before as well, is still counted as the transaction's.
  const before = await done();
  await t.owner.query("SELECT return_numbers('alpha', 'US')");
  const after = await done();
  await t.owner.query("COMMIT");
  expect(after.changed - before.changed).toBe(500);
  expect(after.read - before.read).toBeGreaterThan(500);
  expect(after.read - before.read).toBeLessThan(20_000);
});

it("tells of each once, in bites of 500, when two processes do it beside a late confirm", async () => {
  const t = await withProjects("alpha", "beta");
  for (const [project, count] of [
    ["alpha", 1_200],
    ["beta", 300],
  ]) {
    await t.owner.query("INSERT INTO id_registry VALUES ($1, 'US', 2000)", [project]);
    await t.owner.query(
      `INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, reserved_at, expires_at)
       SELECT $1, 'US', $1, int8multirange(int8range(n, n + 1)), now() - interval '1 day', now() - (2000 - n) * interval '1 s'
       FROM generate_series(1, $2) n`,
      [project, count],
    );
  }
  const second = openDatabase({
    url: t.test.url,
    size: 5,
    applicationName: "docket second process",
    patience: PATIENCE,
  });
  const { rows } = await t.owner.query("SELECT reservation_id FROM id_reservations WHERE numbers @> 1200::bigint");
  try {
    expect(await expireReservations(t.database)).toBe(true);
    expect(await expired(t)).toHaveLength(500 + 300);
    const untilNone = async (database: typeof second) => {
      while (await expireReservations(database));
    };
    await Promise.all([
      untilNone(t.database),
      untilNone(second),
      confirmReservation(t.as(), { reservationId: rows[0].reservation_id }),
    ]);
  } finally {
    await second.close();
  }
  const told = (await expired(t)).map(({ subject_id }) => subject_id);
  expect(new Set(told).size).toBe(told.length);
  // The one that was confirmed meanwhile may have been told of first.
  expect([1_499, 1_500]).toContain(told.length);
  const open = await t.owner.query("SELECT FROM id_reservations WHERE expired_at IS NULL AND confirmed_at IS NULL");
  expect(open.rowCount).toBe(0);
  expect(await expireReservations(t.database)).toBe(false);
});
