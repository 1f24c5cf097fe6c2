import { expect, it, vi } from "vitest";
import { connectOwner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";

const RESERVATION =
  "reservationId projectId namespace artifactType ids status reservedAt expiresAt confirmedAt releasedAt branchName taskId";

const reserving = `mutation {
  reserveIds(input: {projectId: "alpha", artifactType: "us", count: 2, branchName: "main", taskId: "TASK-001", idempotencyKey: "k"}) {
    replayed reservation { ${RESERVATION} }
  }
}`;

interface Reserving {
  readonly reserveIds: { readonly replayed: boolean; readonly reservation: Readonly<Record<string, unknown>> };
}

it("answers with the reservation that it has made without looking for it, and with what became of it when asked again", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('shared', true)");
  await owner.query("INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'A', 'shared')");
  await owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-001', 'a')");
  const read = vi.spyOn(server.database, "read");
  const looks = () =>
    read.mock.calls.filter(([statement]) => typeof statement === "object" && statement.name === "reservations-find");

  const { reserveIds } = await server.ask<Reserving>(reserving);
  const { reservation } = reserveIds;
  expect(looks()).toEqual([]);
  const { reservationId } = reservation;
  const asked = await server.ask(`{ reservation(reservationId: "${reservationId}") { ${RESERVATION} } }`);
  expect(asked).toEqual({ reservation });

  await server.ask(`mutation { releaseReservation(input: {reservationId: "${reservationId}"}) { released } }`);
  expect(await server.ask(reserving)).toMatchObject({
    reserveIds: { replayed: true, reservation: { reservationId, status: "RELEASED" } },
  });
});
