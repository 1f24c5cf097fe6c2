import { expect, it } from "vitest";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { extendReservation } from "../../src/ids/extend.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reservation } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { voidIds } from "../../src/ids/void.ts";
import type { VerbTest } from "../support/verbs.ts";
import { idsFrom, withProjects } from "./projects.ts";

const EXPIRED = { code: "RESERVATION_EXPIRED", message: "Reservation expired or not found" };

async function reserved(count = 6): Promise<{ t: VerbTest; reservationId: string }> {
  const t = await withProjects("alpha");
  return { t, ...(await reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count })) };
}

it("confirms a reservation for good, once", async () => {
  const { t, reservationId } = await reserved();
  expect(await confirmReservation(t.as(), { reservationId })).toEqual({
    projectId: "alpha",
    reservationId,
    released: [],
    replayed: false,
  });
  await t.pass(3600);
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "confirmed", expiresAt: null });
  const types = (await t.events()).map(({ type }) => type);
  expect(types).toEqual(["ids.reserved", "ids.confirmed"]);
});

it("confirms some and gives the rest back at once", async () => {
  const { t, reservationId } = await reserved();
  const ids = ["us-002", "US-003"];
  const confirmed = await confirmReservation(t.as(), { reservationId, ids });
  expect(confirmed.released).toEqual(["US-001", "US-004", "US-005", "US-006"]);
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "confirmed", ids: ["US-002", "US-003"] });
  expect((await t.events()).at(-1)).toMatchObject({
    type: "ids.confirmed",
    subject_id: reservationId,
    payload: { ids: ["US-002", "US-003"], released: confirmed.released },
  });
  expect(await takeId(t.as(), { projectId: "alpha", artifactType: "US" })).toMatchObject({ id: "US-001" });
  expect(await confirmReservation(t.as(), { reservationId, ids })).toMatchObject({ released: [] });
});

it("refuses to confirm IDs that are not in the reservation", async () => {
  const { t, reservationId } = await reserved();
  const confirm = (...ids: string[]) => confirmReservation(t.as(), { reservationId, ids });
  await takeId(t.as(), { projectId: "alpha", artifactType: "EPIC" });
  await expect(confirm("US-001", "US-007")).rejects.toThrow("US-007 is not in reservation");
  await expect(confirm("EPIC-001")).rejects.toThrow("EPIC-001 is not in reservation");
  await expect(confirm("nonsense")).rejects.toThrow("is not an artifact ID");
  await expect(confirm()).rejects.toThrow("releaseReservation");
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "active", ids: idsFrom("US", 1, 6) });
});

it("gives nothing away when the IDs named are another reservation's, or were given or registered apart", async () => {
  const { t, reservationId: first } = await reserved(2);
  await confirmReservation(t.as(), { reservationId: first });
  const second = await reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count: 3 });
  await takeId(t.as(), { projectId: "alpha", artifactType: "US" });
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-008"] });
  for (const foreign of ["US-001", "US-006", "US-008"])
    for (const ids of [[foreign], [foreign, "US-003"]])
      await expect(confirmReservation(t.as(), { reservationId: second.reservationId, ids })).rejects.toMatchObject({
        code: "BAD_USER_INPUT",
        message: `${foreign} is not in reservation ${second.reservationId}, which holds US-003, US-004, US-005.`,
      });
  expect(await reservation(t.as(), second.reservationId)).toMatchObject({ status: "active", ids: idsFrom("US", 3, 5) });
  await expect(confirmReservation(t.as(), { reservationId: first, ids: ["US-006"] })).rejects.toThrow("is not in");
});

it("counts IDs that were registered meanwhile as confirmed", async () => {
  const { t, reservationId } = await reserved(3);
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-001"] });
  const confirmed = await confirmReservation(t.as(), { reservationId, ids: ["US-001", "US-002"] });
  expect(confirmed.released).toEqual(["US-003"]);
  expect(await reservation(t.as(), reservationId)).toMatchObject({ ids: ["US-002"], status: "confirmed" });
  expect(await confirmReservation(t.as(), { reservationId, ids: ["US-001"] })).toMatchObject({ released: [] });
});

it("does not count an ID as confirmed that was registered out of the reservation and voided since", async () => {
  const { t, reservationId } = await reserved(3);
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-001"] });
  const slip = { projectId: "alpha", artifactType: "US", ids: ["US-001"], reason: "a slip" };
  await voidIds(t.as({ role: "admin" }), slip);
  const confirm = confirmReservation(t.as(), { reservationId, ids: ["US-001", "US-002"] });
  await expect(confirm).rejects.toThrow("US-001 is not in reservation");
});

it("releases a reservation whose named IDs were all registered before", async () => {
  const { t, reservationId } = await reserved(3);
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-001"] });
  const confirmed = await confirmReservation(t.as(), { reservationId, ids: ["US-001"] });
  expect(confirmed.released).toEqual(["US-002", "US-003"]);
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "released" });
});

it("answers expired, unknown and foreign reservations alike", async () => {
  const { t, reservationId } = await reserved();
  const foreign = t.as({ projectIds: ["beta"] });
  await expect(confirmReservation(foreign, { reservationId })).rejects.toMatchObject(EXPIRED);
  await expect(extendReservation(foreign, { reservationId })).rejects.toMatchObject(EXPIRED);
  await expect(releaseReservation(foreign, { reservationId })).rejects.toMatchObject(EXPIRED);
  await expect(reservation(foreign, reservationId)).rejects.toMatchObject(EXPIRED);
  await expect(confirmReservation(t.as(), { reservationId: crypto.randomUUID() })).rejects.toMatchObject(EXPIRED);
  await expect(confirmReservation(t.as(), { reservationId: "nonsense" })).rejects.toMatchObject(EXPIRED);
  await t.pass(15 * 60);
  await expect(extendReservation(t.as(), { reservationId })).rejects.toMatchObject(EXPIRED);
  await expect(releaseReservation(t.as(), { reservationId })).rejects.toMatchObject(EXPIRED);
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "expired" });
});

it("extends a reservation from now and never shortens it", async () => {
  const { t, reservationId } = await reserved();
  const expiry = async () => Number((await reservation(t.as(), reservationId)).expiresAt);
  const before = await expiry();
  await extendReservation(t.as(), { reservationId, ttlSeconds: 1 });
  expect(await expiry()).toBe(before);
  await extendReservation(t.as(), { reservationId, ttlSeconds: 3600 });
  expect(await expiry()).toBeGreaterThan(before + 40 * 60_000);
  await t.pass(30 * 60);
  expect(await confirmReservation(t.as(), { reservationId })).toMatchObject({ released: [] });
  expect(await extendReservation(t.as(), { reservationId })).toMatchObject({ reservationId });
  await expect(extendReservation(t.as(), { reservationId, ttlSeconds: 0 })).rejects.toThrow("ttlSeconds is 0");
  const types = (await t.events()).map(({ type }) => type);
  expect(types).toEqual(["ids.reserved", "ids.extended", "ids.extended", "ids.confirmed"]);
});

it("releases a reservation once, and never a confirmed one", async () => {
  const { t, reservationId } = await reserved(2);
  const released = ["US-001", "US-002"];
  expect(await releaseReservation(t.as(), { reservationId })).toMatchObject({ released });
  expect(await releaseReservation(t.as(), { reservationId })).toMatchObject({ released });
  await expect(confirmReservation(t.as(), { reservationId })).rejects.toMatchObject(EXPIRED);
  const again = await reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count: 2 });
  expect(again.reservedIds).toEqual(released);
  await confirmReservation(t.as(), { reservationId: again.reservationId });
  await expect(releaseReservation(t.as(), { reservationId: again.reservationId })).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
  });
  expect((await t.events()).filter(({ type }) => type === "ids.released")).toHaveLength(1);
});

it("replays a confirmation by its key and lets readers write nothing", async () => {
  const { t, reservationId } = await reserved(2);
  const input = { reservationId, ids: ["US-001"], idempotencyKey: "k1" };
  const first = await confirmReservation(t.as(), input);
  expect(first.released).toEqual(["US-002"]);
  expect(await confirmReservation(t.as(), input)).toEqual({ ...first, replayed: true });
  const reader = t.as({ role: "reader" });
  for (const verb of [confirmReservation, extendReservation, releaseReservation])
    await expect(verb(reader, { reservationId })).rejects.toMatchObject({ code: "FORBIDDEN" });
});
