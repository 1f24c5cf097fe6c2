import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ReleasedClient } from "../released-client.ts";

const projectId = "alpha";

/** Takes, keeps and gives back artifact IDs of project alpha. */
export async function workOnIds({ send }: ReleasedClient): Promise<void> {
  const reserving = { projectId, artifactType: "RFC", branch: "feature/one", taskId: "TASK-013" };
  const reserved = await send<{ reserveIds: { reservation: { id: string; reservationId: string } } }>("ReserveIds", {
    input: { ...reserving, count: 3, ttlSeconds: 600, createProject: false, idempotencyKey: randomUUID() },
  });
  expect(reserved).toMatchObject({ reserveIds: { reservedIds: ["RFC-001", "RFC-002", "RFC-003"] } });
  const { id, reservationId } = reserved.reserveIds.reservation;
  expect(await send("Node", { id })).toMatchObject({ node: { id, reservationId } });
  expect(
    await send("ExtendReservation", { input: { reservationId, ttlSeconds: 900, idempotencyKey: randomUUID() } }),
  ).toMatchObject({ extendReservation: { reservation: { status: "ACTIVE" } } });
  expect(
    await send("ConfirmReservation", {
      input: { reservationId, ids: ["RFC-001", "RFC-002"], idempotencyKey: randomUUID() },
    }),
  ).toMatchObject({ confirmReservation: { reservation: { status: "CONFIRMED" }, released: ["RFC-003"] } });
  const other = await send<typeof reserved>("ReserveIds", { input: { projectId, artifactType: "US" } });
  expect(
    await send("ReleaseReservation", {
      input: { reservationId: other.reserveIds.reservation.reservationId, idempotencyKey: randomUUID() },
    }),
  ).toMatchObject({ releaseReservation: { released: ["US-001"], reservation: { status: "RELEASED" } } });
  expect(
    await send("NextId", { input: { ...reserving, createProject: false, idempotencyKey: randomUUID() } }),
  ).toMatchObject({ nextId: { id: "RFC-004", lastAssigned: "RFC-003", reused: false } });
  expect(
    await send("RegisterIds", {
      input: { projectId, ids: ["RFC-900", "RFC-001"], allowJump: true, idempotencyKey: randomUUID() },
    }),
  ).toMatchObject({ registerIds: { registered: ["RFC-900"], alreadyRegistered: ["RFC-001"] } });
  expect(
    await send("VoidIds", {
      input: { projectId, artifactType: "RFC", ids: ["RFC-900"], reason: "a slip", idempotencyKey: randomUUID() },
    }),
  ).toMatchObject({ voidIds: { voided: ["RFC-900"], lastAssigned: "RFC-004" } });
  expect(await send("IdRegistry", { projectId, artifactType: "RFC", first: 5 })).toMatchObject({
    idRegistry: [{ artifactType: "RFC", namespace: "shared", lastAssigned: "RFC-004" }],
  });
  expect(await send("Reservation", { reservationId })).toMatchObject({
    reservation: { ids: ["RFC-001", "RFC-002"], branch: "feature/one", taskId: "TASK-013" },
  });
  const reservationFilter = {
    projects: [projectId],
    artifactType: { eq: "RFC", in: ["RFC"], contains: "RFC", null: false },
    status: { eq: "CONFIRMED", in: ["CONFIRMED"] },
  };
  expect(await send("Reservations", { filter: reservationFilter, first: 10 })).toMatchObject({
    reservations: { nodes: expect.arrayContaining([expect.objectContaining({ reservationId })]) },
  });
}
