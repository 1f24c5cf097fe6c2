import { expect, it } from "vitest";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { registerIds } from "../../src/ids/register.ts";
import { idRegistry } from "../../src/ids/registry.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reservation } from "../../src/ids/reservations.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { voidIds } from "../../src/ids/void.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import type { VerbTest } from "../support/verbs.ts";
import { share, withProjects } from "./projects.ts";

const ADMIN = { role: "admin" } as const;

const register = (t: VerbTest, projectId: string, ...ids: string[]) =>
  registerIds(t.as(ADMIN), { projectId, ids, allowJump: true });
const voiding = (t: VerbTest, ids: string[], projectId = "alpha", artifactType = "US") =>
  voidIds(t.as(ADMIN), { projectId, artifactType, ids, reason: "a slip" });
const next = async (t: VerbTest, projectId = "alpha", artifactType = "US") =>
  (await takeId(t.as(), { projectId, artifactType })).id;

it("takes a slip back, brings the counter down and tells why", async () => {
  const t = await withProjects("alpha");
  await register(t, "alpha", "US-003");
  await register(t, "alpha", "US-2147483647");
  const input = {
    projectId: "alpha",
    artifactType: "us",
    ids: ["us-2147483647"],
    reason: "typing error",
    idempotencyKey: "k1",
  };
  const answer = { voided: ["US-2147483647"], lastAssigned: "US-003" };
  expect(await voidIds(t.as(ADMIN), input)).toEqual({ ...answer, replayed: false });
  expect(await voidIds(t.as(ADMIN), input)).toEqual({ ...answer, replayed: true });
  expect(await next(t)).toBe("US-004");
  expect((await t.events()).filter(({ type }) => type === "ids.voided")).toMatchObject([
    {
      project_id: "alpha",
      subject_id: "alpha",
      payload: {
        artifactType: "US",
        ids: ["US-2147483647"],
        reason: "typing error",
        changes: { lastAssigned: { old: "US-2147483647", new: "US-003" } },
      },
    },
  ]);
});

it("leaves what it voids below the counter void: not given, but to be registered", async () => {
  const t = await withProjects("alpha");
  for (let i = 0; i < 3; i++) await next(t);
  expect(await voiding(t, ["US-002"])).toMatchObject({ lastAssigned: "US-003" });
  expect((await t.events()).at(-1)?.payload["changes"]).toEqual({});
  expect(await next(t)).toBe("US-004");
  expect(await register(t, "alpha", "US-002")).toMatchObject({ registered: ["US-002"] });
  expect(await voiding(t, ["US-001", "US-002", "US-003", "US-004"])).toMatchObject({ lastAssigned: null });
  expect(await next(t)).toBe("US-001");
});

it("stops the counter at what is reserved or rests, and forgets what was released above", async () => {
  const t = await withProjects("alpha");
  const reserve = (count: number) => reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count });
  const [held, given] = [await reserve(2), await reserve(3)];
  await register(t, "alpha", "US-100");
  await releaseReservation(t.as(), given);
  expect(await voiding(t, ["US-100"])).toMatchObject({ lastAssigned: "US-002" });
  const [sequence] = await idRegistry(t.as(), { projectId: "alpha", artifactType: "US" });
  expect(sequence).toMatchObject({ nextAvailable: "US-003", released: [] });
  await confirmReservation(t.as(), held);
  await t.owner.query("UPDATE namespaces SET reuse = 'never'");
  await releaseReservation(t.as(), await reserve(2));
  await register(t, "alpha", "US-100");
  expect(await voiding(t, ["US-100"])).toMatchObject({ lastAssigned: "US-004" });
});

it("takes a part of a confirmed reservation, and then the rest of it", async () => {
  const t = await withProjects("alpha");
  const { reservationId } = await reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count: 3 });
  await confirmReservation(t.as(), { reservationId });
  expect(await voiding(t, ["US-003", "US-003"])).toMatchObject({ voided: ["US-003"], lastAssigned: "US-002" });
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "confirmed", ids: ["US-001", "US-002"] });
  await voiding(t, ["US-001", "US-002"]);
  expect(await reservation(t.as(), reservationId)).toMatchObject({ status: "released" });
  await expect(confirmReservation(t.as(), { reservationId })).rejects.toMatchObject({ code: "RESERVATION_EXPIRED" });
  expect(await next(t)).toBe("US-001");
});

it("never takes the number of a living task or of its artifact, whoever wrote the task", async () => {
  const t = await withProjects();
  await share(t, "joint", "alpha", "beta");
  const tasks = [{ description: "x" }, { description: "y", artifactId: "US-005" }];
  await addTasks(t.as(), { projectId: "alpha", tasks });
  await register(t, "alpha", "TASK-003", "TASK-004");
  await t.owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('beta', 'TASK-003', 'x')");
  for (const [id, type] of [
    ["TASK-002", "TASK"],
    ["TASK-003", "TASK"],
    ["US-005", "US"],
  ] as const)
    await expect(voiding(t, [id], "alpha", type)).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringContaining(`${id} belongs to a living task`),
    });
  await expect(voiding(t, ["TASK-004", "TASK-001"], "alpha", "TASK")).rejects.toThrow("TASK-001 belongs to");
  await deleteTask(t.as(), { projectId: "alpha", taskId: "TASK-002" });
  expect(await voiding(t, ["US-005"])).toMatchObject({ lastAssigned: null });
  expect(await voiding(t, ["TASK-002", "TASK-004"], "alpha", "TASK")).toMatchObject({ lastAssigned: "TASK-003" });
});

it("gives a deleted task's number to nobody else, though it was voided", async () => {
  const t = await withProjects("alpha");
  const add = async (...taskIds: (string | undefined)[]) => {
    const tasks = taskIds.map((taskId) => ({ description: "x", ...(taskId !== undefined && { taskId }) }));
    return (await addTasks(t.as(), { projectId: "alpha", tasks })).tasks.map(({ taskId }) => taskId);
  };
  await add(undefined);
  await add("TASK-004");
  await deleteTask(t.as(), { projectId: "alpha", taskId: "TASK-004" });
  expect(await voiding(t, ["TASK-004"], "alpha", "TASK")).toMatchObject({ lastAssigned: "TASK-001" });
  expect(await add(...Array.from({ length: 4 }, () => undefined))).toEqual([
    "TASK-002",
    "TASK-003",
    "TASK-005",
    "TASK-006",
  ]);
});

it("stops the counter at the highest living task of plain SQL, and gives what lies between", async () => {
  const t = await withProjects();
  await share(t, "joint", "alpha", "beta");
  await register(t, "alpha", "TASK-002", "TASK-5000000");
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description, deleted_at)
    VALUES ('beta', 'TASK-005', 'x', NULL), ('beta', 'TASK-007', 'x', now()), ('beta', 'US-900', 'x', NULL),
      ('beta', 'TASK-6000000', 'x', NULL)`);
  expect(await voiding(t, ["TASK-5000000"], "alpha", "TASK")).toMatchObject({ lastAssigned: "TASK-005" });
  const given: string[] = [];
  for (let i = 0; i < 4; i++) given.push(await next(t, "alpha", "TASK"));
  expect(given).toEqual(["TASK-003", "TASK-004", "TASK-006", "TASK-008"]);
});

it("takes nothing that another project of the namespace holds, and says no more than of an unknown number", async () => {
  const t = await withProjects();
  await share(t, "joint", "alpha", "beta");
  await register(t, "alpha", "US-001");
  await register(t, "beta", "US-002");
  await addTasks(t.as(), { projectId: "beta", tasks: [{ artifactId: "US-003" }] });
  const limited = t.as({ ...ADMIN, projectIds: ["alpha"] });
  const ask = (id: string) =>
    voidIds(limited, { projectId: "alpha", artifactType: "US", ids: [id], reason: "x" }).then(
      () => "voided",
      (error: Error) => error.message.replace(id, "ID"),
    );
  const unknown = await ask("US-500");
  expect(unknown).toContain("not registered or confirmed for project alpha");
  expect([await ask("US-002"), await ask("US-003")]).toEqual([unknown, unknown]);
  await register(t, "alpha", "US-10000");
  expect(
    await voidIds(limited, { projectId: "alpha", artifactType: "US", ids: ["US-10000"], reason: "x" }),
  ).toMatchObject({ lastAssigned: "US-003" });
});

it("voids all or none, and says what is wrong", async () => {
  const t = await withProjects("alpha");
  await register(t, "alpha", "US-001", "EPIC-001");
  await reserveIds(t.as(), { projectId: "alpha", artifactType: "US" });
  await expect(voiding(t, ["US-001", "US-002"])).rejects.toThrow(/US-002 is not registered.*releaseReservation/s);
  await expect(voiding(t, ["US-001", "EPIC-001"])).rejects.toThrow("EPIC-001 is no US");
  await expect(voiding(t, ["US-1"])).rejects.toThrow("is not an artifact ID");
  await expect(voiding(t, [])).rejects.toThrow("ids has 0 entries");
  await expect(voiding(t, ["US-001"], "alpha", "NOPE")).rejects.toThrow("Invalid artifact_type: NOPE");
  await expect(voiding(t, ["US-001"], "beta")).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  const input = { projectId: "alpha", artifactType: "US", ids: ["US-001"] };
  for (const reason of ["", "  ", "x".repeat(1001), "\0"])
    await expect(voidIds(t.as(ADMIN), { ...input, reason })).rejects.toThrow("reason must say why");
  await expect(voidIds(t.as(), { ...input, reason: "x" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(await voidIds(t.as(ADMIN), { ...input, reason: "x".repeat(1000) })).toMatchObject({ voided: ["US-001"] });
});
