import { expect, it } from "vitest";
import { allocateIds } from "../../src/ids/allocate.ts";
import { lockLane, lockSequences } from "../../src/ids/lane.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reservation } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { archiveProject } from "../../src/projects/archive.ts";
import { seedTasks } from "../support/verbs.ts";
import { idsFrom, share, withProjects } from "./projects.ts";

const US = { projectId: "alpha", artifactType: "US" };

it("gives one ID at a time for good, and tells the one before", async () => {
  const t = await withProjects("alpha");
  expect(await takeId(t.as(), US)).toEqual({ id: "US-001", lastAssigned: null, replayed: false });
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-027"] });
  expect(await takeId(t.as(), { ...US, branch: "main" })).toMatchObject({ id: "US-028", lastAssigned: "US-027" });
  await t.pass(30 * 24 * 3600);
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-029" });
  expect((await t.events())[0]).toMatchObject({
    type: "ids.assigned",
    subject_id: "US-001",
    payload: { ids: ["US-001"] },
  });
});

it("gives released numbers first, lowest first, also where tasks take them", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { ...US, count: 4 });
  await takeId(t.as(), US);
  await releaseReservation(t.as(), { reservationId });
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-001", lastAssigned: "US-005" });
  const allocated = await t.database.transaction(async (db) => {
    await lockLane(db);
    return allocateIds({ ...t.as(), db }, { ...US, count: 5 });
  });
  expect(allocated).toEqual([...idsFrom("US", 2, 4), ...idsFrom("US", 6, 7)]);
});

it("refuses a type, project or task that is not there, and a viewer who may not", async () => {
  const t = await withProjects("alpha");
  await expect(takeId(t.as(), { ...US, artifactType: "invalid" })).rejects.toThrow(
    "Invalid artifact_type: INVALID. Valid",
  );
  await expect(takeId(t.as(), { ...US, projectId: "beta" })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await expect(takeId(t.as({ projectIds: ["beta"] }), US)).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await expect(takeId(t.as({ role: "reader" }), US)).rejects.toMatchObject({ code: "FORBIDDEN" });
  for (const taskId of ["TASK-001", "nonsense"])
    await expect(takeId(t.as(), { ...US, taskId })).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  const refused = takeId(t.as(), { projectId: "beta", artifactType: "NOPE", createProject: true });
  await expect(refused).rejects.toThrow("Invalid artifact_type");
  expect((await t.owner.query("SELECT FROM projects")).rowCount).toBe(1);
  expect(await takeId(t.as(), { ...US, projectId: "beta", createProject: true })).toMatchObject({ id: "US-001" });
});

it("gives one ID for duplicates of a takeId that are in flight together", async () => {
  const t = await withProjects("alpha");
  const answers = await Promise.all(Array.from({ length: 10 }, () => takeId(t.as(), { ...US, idempotencyKey: "k" })));
  expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(["US-001"]));
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
});

it("registers what a repository holds: counters rise and skipped numbers stay void", async () => {
  const t = await withProjects("alpha");
  const ids = ["US-010", "us-003", "EPIC-001", "US-003"];
  expect(await registerIds(t.as(), { projectId: "alpha", ids })).toMatchObject({
    registered: ["US-010", "US-003", "EPIC-001"],
    alreadyRegistered: [],
  });
  expect(await registerIds(t.as(), { projectId: "alpha", ids: ["US-003", "US-004"] })).toMatchObject({
    registered: ["US-004"],
    alreadyRegistered: ["US-003"],
  });
  expect((await reserveIds(t.as(), US)).reservedIds).toEqual(["US-011"]);
  expect((await t.events()).slice(0, 2)).toMatchObject([
    { type: "ids.registered", payload: { ids: ["US-010", "US-003", "EPIC-001"] } },
    { type: "ids.registered", payload: { ids: ["US-004"] } },
  ]);
});

it("takes a registered number out of the released ones", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { ...US, count: 3 });
  await releaseReservation(t.as(), { reservationId });
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-002"] });
  expect((await reserveIds(t.as(), { ...US, count: 2 })).reservedIds).toEqual(["US-004", "US-005"]);
  expect(await takeId(t.as(), US)).toMatchObject({ id: "US-001" });
});

it("registers all or none, and never names the project that holds one", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  await takeId(t.as(), { projectId: "gamma", artifactType: "US" });
  const refused = registerIds(t.as(), { projectId: "delta", ids: ["EPIC-001", "US-002", "US-001"] });
  await expect(refused).rejects.toMatchObject({
    code: "ID_TAKEN",
    message: "ID US-001 is already taken in this namespace",
    details: { id: "US-001" },
  });
  expect((await t.owner.query("SELECT FROM id_reservations")).rowCount).toBe(1);
  await reserveIds(t.as(), { projectId: "gamma", artifactType: "US" });
  await expect(registerIds(t.as(), { projectId: "delta", ids: ["US-002"] })).rejects.toMatchObject({
    code: "ID_TAKEN",
  });
  await t.pass(3600);
  expect(await registerIds(t.as(), { projectId: "delta", ids: ["US-002"] })).toMatchObject({ registered: ["US-002"] });
});

it("confirms just the registered number of a reservation of the same project", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { ...US, count: 2 });
  expect(await registerIds(t.as(), { projectId: "alpha", ids: ["US-002"] })).toMatchObject({ registered: ["US-002"] });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "active", ids: ["US-001"] });
  await registerIds(t.as(), { projectId: "alpha", ids: ["US-001"] });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "confirmed", ids: ["US-001"] });
  expect((await t.events()).map(({ type }) => type)).toEqual([
    "ids.reserved",
    "ids.confirmed",
    "ids.registered",
    "ids.confirmed",
    "ids.registered",
  ]);
});

it("still records a number for its project while an expired or released reservation of it rests", async () => {
  const t = await withProjects("alpha");
  await t.owner.query("UPDATE namespaces SET reuse = 'never'");
  const expired = await reserveIds(t.as(), { ...US, count: 2 });
  const released = await reserveIds(t.as(), US);
  await releaseReservation(t.as(), { reservationId: released.reservationId });
  await t.pass(3600);
  const ids = ["US-001", "US-003"];
  expect(await registerIds(t.as(), { projectId: "alpha", ids })).toMatchObject({ registered: ids });
  expect(await reservation(t.as(), expired.reservationId)).toMatchObject({ status: "expired", ids: ["US-002"] });
  expect(await reservation(t.as(), released.reservationId)).toMatchObject({ status: "confirmed" });
});

it("refuses to register what is no ID, too many, or none", async () => {
  const t = await withProjects("alpha");
  const register = (...ids: string[]) => registerIds(t.as(), { projectId: "alpha", ids });
  for (const bad of ["US-7", "US-0007", "US-000", "US-2147483648", "US 007", "-007", ""])
    await expect(register(bad), bad).rejects.toThrow("is not an artifact ID");
  await expect(register("FOO-001")).rejects.toThrow("Invalid artifact_type: FOO");
  await expect(register()).rejects.toThrow("ids has 0 entries");
  await expect(register(...idsFrom("US", 1, 1001))).rejects.toThrow("give 1 to 1000");
  expect((await register(...idsFrom("US", 1, 1000))).registered).toHaveLength(1000);
});

it("passes numbers that tasks written by plain SQL bear, and keeps those between", async () => {
  const t = await withProjects("alpha");
  await seedTasks(t, "alpha", 3);
  await t.owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-006', 'x')");
  const task = { projectId: "alpha", artifactType: "TASK" };
  expect((await reserveIds(t.as(), { ...task, count: 2 })).reservedIds).toEqual(["TASK-004", "TASK-005"]);
  expect(await takeId(t.as(), task)).toMatchObject({ id: "TASK-007" });
});

it("passes the tasks of every project of a shared namespace, even two under one number", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description)
    VALUES ('gamma', 'TASK-001', 'x'), ('delta', 'TASK-001', 'x'), ('delta', 'TASK-002', 'x')`);
  expect(await takeId(t.as(), { projectId: "gamma", artifactType: "TASK" })).toMatchObject({ id: "TASK-003" });
});

it("locks several sequences of several projects in one order, so that writers never wait in a circle", async () => {
  const t = await withProjects();
  await share(t, "joint", "gamma", "delta");
  const write = (first: string, second: string) =>
    t.database.transaction(async (db) => {
      const ctx = { ...t.as(), db };
      const sequences = [
        { projectId: "gamma", artifactType: first },
        { projectId: "delta", artifactType: second },
      ];
      await lockLane(db);
      await lockSequences(db, sequences);
      for (const sequence of sequences) await allocateIds(ctx, { ...sequence, count: 1 });
    });
  await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? write("US", "EPIC") : write("EPIC", "US"))));
  const { rows } = await t.owner.query("SELECT last_assigned_id::int AS last FROM id_registry");
  expect(rows).toEqual([{ last: 20 }, { last: 20 }]);
});

it("does not tell a caller who does not see a project that it is archived", async () => {
  const t = await withProjects("alpha", "hidden");
  await archiveProject(t.as({ role: "admin" }), { projectId: "hidden" });
  const limited = t.as({ projectIds: ["alpha"] });
  await expect(registerIds(limited, { projectId: "hidden", ids: ["US-001"] })).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
});
