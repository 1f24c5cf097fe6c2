import { expect, it } from "vitest";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { idRegistry } from "../../src/ids/registry.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { findReservations, listReservations } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { share, withProjects } from "./projects.ts";

/** Alpha: US-001 expired, US-002 released, US-003 confirmed, EPIC-001 active; beta: US-001 given by takeId. */
async function fourAndOne() {
  const t = await withProjects("alpha", "beta");
  const reserve = (artifactType: string, ttlSeconds = 900) =>
    reserveIds(t.as(), { projectId: "alpha", artifactType, ttlSeconds });
  const expired = await reserve("US", 1);
  const released = await reserve("US");
  const confirmed = await reserve("US");
  const active = await reserve("EPIC");
  await t.pass(1);
  await releaseReservation(t.as(), released);
  await confirmReservation(t.as(), confirmed);
  await takeId(t.as(), { projectId: "beta", artifactType: "US" });
  return { t, expired, released, confirmed, active };
}

const idsOf = ({ edges }: Awaited<ReturnType<typeof listReservations>>) => edges.map(({ node }) => node.reservationId);

it("lists reservations newest first and filters by project, type and status", async () => {
  const { t, expired, released, confirmed, active } = await fourAndOne();
  const list = (filter?: Parameters<typeof listReservations>[1]["filter"]) => listReservations(t.as(), { filter });
  const [newest, ...rest] = (await list()).edges.map(({ node }) => node);
  expect(newest).toMatchObject({ projectId: "beta", status: "confirmed", ids: ["US-001"], expiresAt: null });
  expect(rest.map(({ reservationId }) => reservationId)).toEqual(
    [active, confirmed, released, expired].map(({ reservationId }) => reservationId),
  );
  expect(rest.map(({ status }) => status)).toEqual(["active", "confirmed", "released", "expired"]);
  const alpha = { projects: ["alpha"] };
  expect(idsOf(await list({ ...alpha, status: { eq: "expired" } }))).toEqual([expired.reservationId]);
  expect(idsOf(await list({ ...alpha, status: { in: ["active", "released"] } }))).toHaveLength(2);
  expect(idsOf(await list({ artifactType: { eq: "epic" } }))).toEqual([active.reservationId]);
  expect(idsOf(await list({ artifactType: { in: ["epic", "us"] } }))).toHaveLength(5);
  expect(idsOf(await list({ artifactType: { contains: "pi" } }))).toEqual([active.reservationId]);
  expect(idsOf(await list({ artifactType: { null: true } }))).toEqual([]);
  expect(await (await list({ status: { eq: "confirmed" } })).totalCount()).toBe(2);
  await expect(list({ projects: ["nowhere"] })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
});

it("pages forward and backward over several projects without a gap", async () => {
  const { t } = await fourAndOne();
  const all = idsOf(await listReservations(t.as(), {}));
  const first = await listReservations(t.as(), { first: 2 });
  const second = await listReservations(t.as(), { first: 2, after: first.pageInfo.endCursor });
  const third = await listReservations(t.as(), { first: 2, after: second.pageInfo.endCursor });
  expect([first, second, third].flatMap(idsOf)).toEqual(all);
  expect([first, second, third].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, true, false]);
  const back = await listReservations(t.as(), { last: 2, before: third.pageInfo.startCursor });
  expect(idsOf(back)).toEqual(idsOf(second));
});

it("shows a limited key the counters of a shared namespace and only its own reservations", async () => {
  const t = await withProjects("alpha");
  await share(t, "joint", "gamma", "delta");
  const foreign = await reserveIds(t.as(), { projectId: "gamma", artifactType: "US", count: 2 });
  const own = await reserveIds(t.as(), { projectId: "delta", artifactType: "US" });
  const limited = t.as({ projectIds: ["delta"] });
  const page = await listReservations(limited, {});
  expect(idsOf(page)).toEqual([own.reservationId]);
  expect(await page.totalCount()).toBe(1);
  expect(await findReservations(limited, [foreign.reservationId, own.reservationId, "nonsense"])).toMatchObject([
    null,
    { reservationId: own.reservationId },
    null,
  ]);
  await expect(listReservations(limited, { filter: { projects: ["gamma"] } })).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
  const [sequence] = await idRegistry(limited, { projectId: "delta", artifactType: "US" });
  expect(sequence).toMatchObject({ namespace: "joint", lastAssigned: "US-003" });
});

it("finds a page of one project by its index, without a sort", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("INSERT INTO id_registry VALUES ('alpha', 'US', 3000)");
  await t.owner.query(`INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, reserved_at, confirmed_at)
    SELECT 'alpha', 'US', 'alpha', int8multirange(int8range(n, n + 1)), now() - n * interval '1 s', now()
    FROM generate_series(1, 3000) n`);
  await t.owner.query("ANALYZE id_reservations");
  const { rows } = await t.owner.query<{ "QUERY PLAN": string }>(`EXPLAIN SELECT reservation_id FROM id_reservations
    WHERE project_id = 'alpha' ORDER BY reserved_at DESC, reservation_id DESC LIMIT 51`);
  const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
  expect(plan).toContain("idx_reservations_project");
  expect(plan).not.toContain("Sort");
});
