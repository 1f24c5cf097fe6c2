import { beforeAll, expect, it } from "vitest";
import { shareServer } from "../support/server.ts";

const shared = shareServer();

/** Reservations for a minute, an hour and a day, one that is confirmed and one that has expired; named by their branch. */
beforeAll(async () => {
  const { server, owner } = shared;
  for (const id of ["alpha", "beta"])
    await server.ask(`mutation { createProject(input: {projectId: "${id}", name: "P"}) { replayed } }`);
  const reserve = async (projectId: string, artifactType: string, ttlSeconds: number, branch: string | null) => {
    const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
      "mutation ($input: ReserveIdsInput!) { reserveIds(input: $input) { reservation { reservationId } } }",
      { input: { projectId, artifactType, ttlSeconds, branch } },
    );
    return reserveIds.reservation.reservationId;
  };
  await reserve("alpha", "US", 60, "expired");
  await owner.pass(120);
  await reserve("alpha", "PRD", 60, "minute");
  await reserve("beta", "US", 3600, "hour");
  await reserve("beta", "US", 86_400, null);
  const kept = await reserve("alpha", "US", 60, "kept");
  await server.ask(`mutation { confirmReservation(input: {reservationId: "${kept}"}) { replayed } }`);
});

it.each([
  ['{expiresAt: {lt: "PT2H"}, status: {eq: ACTIVE}}', "minute hour"],
  ['{expiresAt: {lte: "PT0S"}}', "expired"],
  ["{expiresAt: {null: true}}", "kept"],
  ["{status: {notIn: [ACTIVE, CONFIRMED]}}", "expired"],
  ["{status: {ne: CONFIRMED}, expiresAt: {null: false}}", "expired minute hour -"],
  ['{artifactType: {ne: "us"}}', "minute"],
  ['{artifactType: {notIn: ["prd"]}, projects: ["alpha"]}', "expired kept"],
  ['{branch: {contains: "HOU"}}', "hour"],
  ['{branch: {in: ["kept", "hour"]}}', "hour kept"],
  ["{branch: {null: true}}", "-"],
  ['{not: {branch: {eq: "hour"}}, projects: ["beta"]}', "-"],
  ['{or: [{projects: ["beta"]}, {status: {eq: EXPIRED}}]}', "expired hour -"],
  ['{and: [{projects: ["alpha"]}, {not: {status: {in: [EXPIRED, CONFIRMED]}}}]}', "minute"],
])("finds reservations by %s", async (filter, expected) => {
  const { reservations } = await shared.server.ask<{
    reservations: { totalCount: number; nodes: { branch: string | null }[] };
  }>(`{ reservations(filter: ${filter}, orderBy: {field: EXPIRES_AT}) { totalCount nodes { branch } } }`);
  expect(reservations.nodes.map(({ branch }) => branch ?? "-").join(" ")).toBe(expected);
  expect(reservations.totalCount).toBe(reservations.nodes.length);
});

it("refuses a project that is unknown, wherever the filter names it", async () => {
  for (const filter of ['projects: ["gamma"]', 'or: [{projects: ["gamma"]}]', 'not: {projects: ["gamma"]}']) {
    const { errors } = await shared.server.gql(`{ reservations(filter: {${filter}}) { totalCount } }`);
    expect(errors?.[0]?.extensions["code"], filter).toBe("PROJECT_NOT_FOUND");
  }
});
