import { expect, it } from "vitest";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reservation } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { seedTasks } from "../support/verbs.ts";
import { idsFrom, share, withProjects } from "./projects.ts";

it("reserves consecutive IDs for fifteen minutes and says so in the log", async () => {
  const t = await withProjects("alpha");
  const first = await reserveIds(t.as(), { projectId: "alpha", artifactType: "us", count: 6, branch: "feature/x" });
  expect(first).toMatchObject({ reservedIds: idsFrom("US", 1, 6), replayed: false });
  const held = await reservation(t.as(), first.reservationId);
  expect(held).toMatchObject({ status: "active", ids: first.reservedIds, branch: "feature/x", projectId: "alpha" });
  expect(Number(held.expiresAt) - Number(held.reservedAt)).toBe(15 * 60_000);
  expect(await reserveIds(t.as(), { projectId: "alpha", artifactType: "US" })).toMatchObject({
    reservedIds: ["US-007"],
  });
  expect(await t.events()).toMatchObject([
    { type: "ids.reserved", project_id: "alpha", subject_id: first.reservationId, payload: { ids: first.reservedIds } },
    { type: "ids.reserved", payload: { ids: ["US-007"] } },
  ]);
});

it("pads numbers to three digits and grows past them", async () => {
  const t = await withProjects("alpha");
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-998"] });
  const { reservedIds } = await reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count: 3 });
  expect(reservedIds).toEqual(["US-999", "US-1000", "US-1001"]);
});

it("takes the lowest released run that fits, else the next numbers", async () => {
  const t = await withProjects("alpha");
  const reserve = (count: number) => reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count });
  const [a, b, c] = [await reserve(2), await reserve(3), await reserve(1)];
  await confirmReservation(t.as(), { reservationId: c.reservationId });
  await releaseReservation(t.as(), { reservationId: b.reservationId });
  expect((await reserve(4)).reservedIds).toEqual(idsFrom("US", 7, 10));
  expect((await reserve(2)).reservedIds).toEqual(idsFrom("US", 3, 4));
  await releaseReservation(t.as(), { reservationId: a.reservationId });
  expect((await reserve(1)).reservedIds).toEqual(["US-001"]);
});

it("numbers projects apart unless they share a namespace", async () => {
  const t = await withProjects("alpha", "beta");
  await share(t, "joint", "gamma", "delta");
  const first = async (projectId: string) =>
    (await reserveIds(t.as(), { projectId, artifactType: "EPIC" })).reservedIds[0];
  expect([await first("alpha"), await first("beta"), await first("gamma"), await first("delta")]).toEqual([
    "EPIC-001",
    "EPIC-001",
    "EPIC-001",
    "EPIC-002",
  ]);
});

it("refuses what cannot be reserved, saying what to do", async () => {
  const t = await withProjects("alpha");
  const reserve = (input: object, viewer = {}) =>
    reserveIds(t.as(viewer), { projectId: "alpha", artifactType: "US", ...input });
  await expect(reserve({ artifactType: "invalid" })).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: "Invalid artifact_type: INVALID. Valid types: US, SPEC, TASK, EPIC, PRD, HLS, VIS, INIT, SPIKE, ADR",
  });
  await expect(reserve({ count: 0 })).rejects.toThrow("count is 0; it must be from 1 to 100");
  await expect(reserve({ count: 101 })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  await expect(reserve({ ttlSeconds: 604_801 })).rejects.toThrow("604800");
  await expect(reserve({ branch: "a\0b" })).rejects.toThrow("branch");
  await expect(reserve({ projectId: "al\0pha" })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  await expect(reserve({ projectId: "nowhere" })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await expect(reserve({}, { projectIds: ["beta"] })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await expect(reserve({}, { role: "reader" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(reserve({ taskId: "TASK-001" })).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  await expect(reserve({ idempotencyKey: "" })).rejects.toThrow("idempotencyKey");
  expect(await t.events()).toEqual([]);
});

it("accepts the types that a project adds, and a task of the project", async () => {
  const t = await withProjects("alpha");
  await t.owner.query(`UPDATE projects SET settings = '{"artifactTypes": ["RFC"]}'`);
  await seedTasks(t, "alpha", 1);
  const made = await reserveIds(t.as(), { projectId: "alpha", artifactType: "RFC", taskId: "TASK-001" });
  expect(await reservation(t.as(), made.reservationId)).toMatchObject({ ids: ["RFC-001"], taskId: "TASK-001" });
});

it("creates the project on request, but not for a request that is refused", async () => {
  const t = await withProjects();
  const reserve = (artifactType: string) =>
    reserveIds(t.as(), { projectId: "fresh", artifactType, createProject: true });
  await expect(reserve("NOPE")).rejects.toThrow("Invalid artifact_type: NOPE");
  expect((await t.owner.query("SELECT FROM projects")).rowCount).toBe(0);
  expect(await reserve("US")).toMatchObject({ reservedIds: ["US-001"] });
  await expect(
    reserveIds(t.as({ projectIds: ["alpha"] }), { projectId: "other", artifactType: "US", createProject: true }),
  ).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
});

it("gives the first answer again for the same key and request, and refuses the key for another", async () => {
  const t = await withProjects("alpha");
  const input = { projectId: "alpha", artifactType: "US", count: 2, idempotencyKey: "k1" };
  const first = await reserveIds(t.as(), input);
  expect(await reserveIds(t.as(), { ...input })).toEqual({ ...first, replayed: true });
  await expect(reserveIds(t.as(), { ...input, count: 3 })).rejects.toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
  await expect(takeId(t.as(), { projectId: "alpha", artifactType: "US", idempotencyKey: "k1" })).rejects.toMatchObject({
    code: "IDEMPOTENCY_KEY_REUSED",
  });
  // The key is the caller's own.
  expect(await reserveIds(t.as({ actor: "somebody else" }), input)).toMatchObject({
    reservedIds: ["US-003", "US-004"],
  });
});

it("reserves once for duplicates of a request that are in flight together", async () => {
  const t = await withProjects("alpha");
  const input = { projectId: "alpha", artifactType: "US", count: 2, idempotencyKey: "k1" };
  const answers = await Promise.all(Array.from({ length: 20 }, () => reserveIds(t.as(), input)));
  expect(new Set(answers.map(({ reservationId }) => reservationId)).size).toBe(1);
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect((await t.owner.query("SELECT FROM id_reservations")).rowCount).toBe(1);
});

it("stores no failure under an idempotency key", async () => {
  const t = await withProjects();
  const input = { projectId: "alpha", artifactType: "US", idempotencyKey: "k1" };
  await expect(reserveIds(t.as(), input)).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await seedTasks(t, "alpha", 0);
  expect(await reserveIds(t.as(), input)).toMatchObject({ reservedIds: ["US-001"], replayed: false });
});

it("answers every request of a burst by itself, the bad ones too", async () => {
  const t = await withProjects("alpha");
  const types = ["US", "BAD", "US", "EPIC", "WORSE", "US"];
  const answers = await Promise.allSettled(
    types.map((artifactType) => reserveIds(t.as(), { projectId: "alpha", artifactType, count: 2 })),
  );
  expect(answers.map(({ status }) => status === "fulfilled")).toEqual([true, false, true, true, false, true]);
  const { rows } = await t.owner.query("SELECT artifact_type, last_assigned_id FROM id_registry ORDER BY 1");
  expect(rows).toEqual([
    { artifact_type: "EPIC", last_assigned_id: "2" },
    { artifact_type: "US", last_assigned_id: "6" },
  ]);
});

it("gives nothing twice when the answer of a commit was lost", async () => {
  const t = await withProjects("alpha");
  await takeId(t.as(), { projectId: "alpha", artifactType: "US" });
  const asked = { projectId: "alpha", artifactType: "US", count: 1, actor: "a" };
  const requests = [
    { ...asked, reservationId: crypto.randomUUID(), count: 2, ttlSeconds: 60 },
    { ...asked, reservationId: crypto.randomUUID() },
  ];
  const ask = () => t.database.write("SELECT give_ids($1::jsonb) AS outcome", [JSON.stringify(requests)]);
  const first = await ask();
  expect(first).toMatchObject([
    { outcome: { result: { reservedIds: ["US-002", "US-003"] } } },
    { outcome: { result: { id: "US-004", lastAssigned: "US-003" } } },
  ]);
  expect(await ask()).toEqual(first);
  // The event from which the last ID is known again has gone to the log by now.
  expect(await t.events()).toHaveLength(3);
  expect(await ask()).toEqual(first);
});

it("says what to do when the numbers are exhausted, and still reuses", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { projectId: "alpha", artifactType: "US" });
  await registerIds(t.as({ role: "admin" }), { projectId: "alpha", ids: ["US-2147483646"], allowJump: true });
  const reserve = (count: number) => reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count });
  await expect(reserve(2)).rejects.toMatchObject({
    code: "ID_SPACE_EXHAUSTED",
    details: { artifactType: "US", namespace: "alpha" },
  });
  expect((await reserve(1)).reservedIds).toEqual(["US-2147483647"]);
  await expect(reserve(1)).rejects.toMatchObject({ code: "ID_SPACE_EXHAUSTED" });
  await expect(takeId(t.as(), { projectId: "alpha", artifactType: "US" })).rejects.toMatchObject({
    code: "ID_SPACE_EXHAUSTED",
  });
  await releaseReservation(t.as(), { reservationId });
  expect((await reserve(1)).reservedIds).toEqual(["US-001"]);
});
