import { expect, it } from "vitest";
import { openDatabase } from "../../src/db/database.ts";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { registerIds } from "../../src/ids/register.ts";
import { idRegistry } from "../../src/ids/registry.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reservation } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { voidIds } from "../../src/ids/void.ts";
import { PATIENCE } from "../support/patience.ts";
import type { VerbTest } from "../support/verbs.ts";
import { idsFrom, share, withProjects } from "./projects.ts";

const US = { projectId: "alpha", artifactType: "US" };
const EXPIRED = { code: "RESERVATION_EXPIRED", message: "Reservation expired or not found" };

/** US-001 to US-003, expired. Numbers go back with whatever is given or registered next. */
async function expired() {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { ...US, count: 3 });
  await t.pass(15 * 60);
  return { t, reservationId };
}

const sendBack = (t: VerbTest) => registerIds(t.as(), { projectId: "alpha", ids: ["US-010"] });
const released = async (t: VerbTest) => (await idRegistry(t.as(), US))[0]?.released;
const types = async (t: VerbTest) => (await t.events()).map(({ type }) => type);

it("keeps IDs after their time whose numbers have not gone back", async () => {
  const { t, reservationId } = await expired();
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "confirmed", ids: idsFrom("US", 1, 3) });
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-004" });
  expect(await types(t)).toEqual(["ids.reserved", "ids.confirmed", "ids.assigned"]);
});

it("keeps IDs after ids.expired and their return, while nobody was given them", async () => {
  const { t, reservationId } = await expired();
  await sendBack(t);
  expect(await released(t)).toEqual(["US-001..US-003"]);
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
  expect(await released(t)).toEqual([]);
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "confirmed", ids: idsFrom("US", 1, 3) });
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-011" });
  expect(await types(t)).toEqual(["ids.reserved", "ids.expired", "ids.registered", "ids.confirmed", "ids.assigned"]);
});

it("refuses IDs of which one was given since, and keeps the others when they are named", async () => {
  const { t, reservationId } = await expired();
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-001" });
  await expect(confirmReservation(t.as(), { reservationId })).rejects.toMatchObject({
    ...EXPIRED,
    details: { reservationId, confirmable: ["US-002", "US-003"] },
  });
  expect(await released(t)).toEqual(["US-002..US-003"]);
  const named = { reservationId, ids: ["US-003"] };
  // Nothing goes back now: US-001 is somebody else's, US-002 went back before.
  expect(await confirmReservation(t.as(), named)).toMatchObject({ released: [] });
  expect(await released(t)).toEqual(["US-002"]);
  expect((await t.events()).at(-1)).toMatchObject({ payload: { ids: ["US-003"], released: [] } });
});

it("gives the rest back when some are kept before the numbers went back", async () => {
  const { t, reservationId } = await expired();
  const kept = await confirmReservation(t.as(), { reservationId, ids: ["US-002"] });
  expect(kept.released).toEqual(["US-001", "US-003"]);
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-001" });
});

it("keeps IDs that rest where numbers are never given again", async () => {
  const { t, reservationId } = await expired();
  await t.owner.query("UPDATE namespaces SET reuse = 'never'");
  await sendBack(t);
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "expired" });
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
});

it("changes nothing of an expired reservation whose named IDs were all registered before", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { ...US, count: 2 });
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-001"] });
  await t.pass(15 * 60);
  expect(await confirmReservation(t.as(), { reservationId, ids: ["US-001"] })).toMatchObject({ released: [] });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "expired", ids: ["US-002"] });
});

it("refuses a number that a task of another project of the namespace bears by now", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  const reserve = () => reserveIds(t.as(), { projectId: "gamma", artifactType: "TASK" });
  const [own, foreign] = [await reserve(), await reserve()];
  await t.pass(15 * 60);
  await registerIds(t.as(), { projectId: "gamma", ids: ["TASK-010"] });
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description)
    VALUES ('gamma', 'TASK-001', 'x'), ('delta', 'TASK-002', 'x')`);
  expect(await confirmReservation(t.as(), own)).toMatchObject({ released: [] });
  await expect(confirmReservation(t.as(), foreign)).rejects.toMatchObject(EXPIRED);
});

it("raises the counter again when it came down below the numbers meanwhile", async () => {
  const t = await withProjects("alpha");
  const reserve = (count: number) => reserveIds(t.as(), { ...US, count });
  await takeId(t.as(), US);
  const [first, second] = [await reserve(2), await reserve(2)];
  await t.pass(15 * 60);
  await sendBack(t);
  const slip = { ...US, ids: ["US-010"], reason: "a slip" };
  expect(await voidIds(t.as({ role: "admin" }), slip)).toMatchObject({ lastAssigned: "US-001" });
  expect(await confirmReservation(t.as(), second)).toMatchObject({ released: [] });
  expect((await idRegistry(t.as(), US))[0]).toMatchObject({ lastAssigned: "US-005", released: ["US-002..US-003"] });
  expect(await confirmReservation(t.as(), first)).toMatchObject({ released: [] });
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-006" });
});

it("keeps or refuses late, and gives no number twice, when 100 ask at once in two processes", async () => {
  const t = await withProjects("alpha");
  const late = await Promise.all(Array.from({ length: 30 }, () => reserveIds(t.as(), { ...US, count: 2 })));
  await t.pass(15 * 60);
  await sendBack(t);
  const second = openDatabase({
    url: t.test.url,
    size: 25,
    applicationName: "docket second process",
    patience: PATIENCE,
  });
  const contexts = [t.as(), { ...t.as(), db: second }];
  const one = (i: number) => contexts[i % 2] ?? t.as();
  const ids: string[] = [];
  const outcomes = { kept: 0, refused: 0 };
  const confirm = async ({ reservationId, reservedIds }: (typeof late)[number], i: number) => {
    const [first, again] = await Promise.allSettled(
      [i, i + 1].map((n) => confirmReservation(one(n), { reservationId })),
    );
    // Asked twice at once, both are told the same.
    expect(first?.status).toBe(again?.status);
    if (first?.status === "rejected") expect(first.reason).toMatchObject(EXPIRED);
    else ids.push(...reservedIds);
    outcomes[first?.status === "fulfilled" ? "kept" : "refused"]++;
  };
  try {
    await Promise.all([
      ...late.map((reservation, i) => confirm(reservation, i)),
      ...Array.from({ length: 40 }, async (_, i) => {
        if (i % 2 === 0) ids.push((await takeId(one(i), US)).id);
        else ids.push(...(await reserveIds(one(i), { ...US, count: 2 })).reservedIds);
      }),
    ]);
  } finally {
    await second.close();
  }
  expect(outcomes.kept + outcomes.refused).toBe(30);
  expect(new Set(ids).size).toBe(ids.length);
  const { rows } = await t.owner.query(`SELECT count(*)::int AS held, count(DISTINCT n)::int AS numbers
    FROM id_reservations r, unnest(r.numbers) run, generate_series(lower(run), upper(run) - 1) n
    WHERE artifact_type = 'US' AND returned_at IS NULL`);
  expect(rows[0].held).toBe(rows[0].numbers);
  expect(rows[0].held).toBe(ids.length + 1);
});

it("refuses IDs that somebody was given since and gave back, whether they are back in the sequence yet or not", async () => {
  const { t, reservationId } = await expired();
  const other = await reserveIds(t.as(), { ...US, count: 1 });
  await releaseReservation(t.as(), { reservationId: other.reservationId });
  await expect(confirmReservation(t.as(), { reservationId })).rejects.toMatchObject(EXPIRED);
  await sendBack(t);
  expect(await released(t)).toEqual(["US-001..US-003"]);
  await expect(confirmReservation(t.as(), { reservationId })).rejects.toMatchObject(EXPIRED);
  expect(await confirmReservation(t.as(), { reservationId, ids: idsFrom("US", 2, 2) })).toMatchObject({ released: [] });
});
