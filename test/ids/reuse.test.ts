import { expect, it } from "vitest";
import { idRegistry } from "../../src/ids/registry.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reservation } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import type { VerbTest } from "../support/verbs.ts";
import { idsFrom, share, withProjects } from "./projects.ts";

const reserve = (t: VerbTest, count = 3, projectId = "alpha") =>
  reserveIds(t.as(), { projectId, artifactType: "US", count });
const sequence = async (t: VerbTest) => (await idRegistry(t.as(), { projectId: "alpha", artifactType: "us" }))[0];

it("gives expired numbers again in the next reservation, with one event for each reservation", async () => {
  const t = await withProjects("alpha");
  const first = await reserve(t);
  await t.pass(900);
  expect((await reserve(t, 2)).reservedIds).toEqual(["US-001", "US-002"]);
  expect(await takeId(t.as(), { projectId: "alpha", artifactType: "US" })).toMatchObject({ id: "US-003" });
  expect(await reservation(t.as(), first.reservationId)).toMatchObject({ status: "expired" });
  const expired = (await t.events()).filter(({ type }) => type === "ids.expired");
  expect(expired).toMatchObject([
    { project_id: "alpha", subject_id: first.reservationId, payload: { ids: idsFrom("US", 1, 3) } },
  ]);
  const { rows } = await t.owner.query("SELECT DISTINCT actor FROM events WHERE event_type = 'ids.expired'");
  expect(rows).toEqual([{ actor: "server" }]);
});

it("keeps numbers in quarantine for as long as the namespace says", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("UPDATE namespaces SET reuse = 'after', quarantine_seconds = 600");
  await releaseReservation(t.as(), await reserve(t, 1));
  await reserve(t, 1);
  await t.pass(601);
  expect((await reserve(t, 1)).reservedIds).toEqual(["US-001"]);
  await t.pass(890);
  expect((await reserve(t, 1)).reservedIds).toEqual(["US-003"]);
  expect((await t.events()).filter(({ type }) => type === "ids.expired")).toHaveLength(1);
  await t.pass(10);
  expect((await reserve(t, 1)).reservedIds).toEqual(["US-002"]);
});

it("never gives a number twice where the namespace says never, until it says otherwise", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("UPDATE namespaces SET reuse = 'never'");
  await releaseReservation(t.as(), await reserve(t));
  const expiring = await reserve(t);
  await t.pass(10_000);
  expect(await sequence(t)).toMatchObject({ nextAvailable: "US-007", released: [] });
  expect((await reserve(t)).reservedIds).toEqual(idsFrom("US", 7, 9));
  expect(await reservation(t.as(), expiring.reservationId)).toMatchObject({ status: "expired" });
  expect((await t.events()).filter(({ type }) => type === "ids.expired")).toHaveLength(1);
  await t.owner.query("UPDATE namespaces SET reuse = 'immediately'");
  expect(await takeId(t.as(), { projectId: "alpha", artifactType: "US" })).toMatchObject({ id: "US-001" });
});

it("shows where every sequence stands, numbers due to come back included", async () => {
  const t = await withProjects("alpha");
  await t.owner.query(`UPDATE projects SET settings = '{"artifactTypes": ["RFC"]}'`);
  expect(await sequence(t)).toMatchObject({ lastAssigned: null, nextAvailable: "US-001", released: [] });
  await reserve(t);
  await takeId(t.as(), { projectId: "alpha", artifactType: "US" });
  await releaseReservation(t.as(), await reserve(t, 1));
  expect(await sequence(t)).toMatchObject({ lastAssigned: "US-005", nextAvailable: "US-005", released: ["US-005"] });
  await t.pass(900);
  const due = { lastAssigned: "US-005", nextAvailable: "US-001", released: ["US-001..US-003", "US-005"] };
  expect(await sequence(t)).toMatchObject(due);
  expect(await takeId(t.as(), { projectId: "alpha", artifactType: "US" })).toMatchObject({ id: "US-001" });
  const all = await idRegistry(t.as(), { projectId: "alpha" });
  expect(all.map(({ artifactType }) => artifactType)).toEqual(
    "US SPEC TASK EPIC PRD HLS VIS INIT SPIKE ADR RFC".split(" "),
  );
  await expect(idRegistry(t.as(), { projectId: "alpha", artifactType: "no" })).rejects.toThrow(
    "Invalid artifact_type: NO",
  );
  await expect(idRegistry(t.as({ projectIds: ["beta"] }), { projectId: "alpha" })).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
});

it("says that nothing is available at the end of the numbers", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("INSERT INTO id_registry VALUES ('alpha', 'US', 2147483647)");
  expect(await sequence(t)).toMatchObject({ lastAssigned: "US-2147483647", nextAvailable: null });
});

it("returns what another project of the namespace let expire, and tells that project", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  await reserve(t, 2, "gamma");
  await t.pass(900);
  expect((await reserve(t, 2, "delta")).reservedIds).toEqual(["US-001", "US-002"]);
  expect((await t.events()).map(({ type, project_id }) => `${project_id} ${type}`)).toEqual([
    "gamma ids.reserved",
    "gamma ids.expired",
    "delta ids.reserved",
  ]);
});

it("works off a large backlog of expired reservations in bounded steps", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("INSERT INTO id_registry VALUES ('alpha', 'US', 1200)");
  await t.owner.query(`INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, expires_at)
    SELECT 'alpha', 'US', 'alpha', int8multirange(int8range(n, n + 1)), now() - (2000 - n) * interval '1 s'
    FROM generate_series(1, 1200) n`);
  const next = async () => (await takeId(t.as(), { projectId: "alpha", artifactType: "US" })).id;
  const returned = async () =>
    (await t.owner.query("SELECT FROM id_reservations WHERE returned_at IS NOT NULL")).rowCount;
  expect([await next(), await returned()]).toEqual(["US-001", 500]);
  expect([await next(), await returned()]).toEqual(["US-002", 1000]);
  expect([await next(), await returned()]).toEqual(["US-003", 1200]);
});
