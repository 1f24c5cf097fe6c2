import { expect, it } from "vitest";
import { atMostOnce, keyedRequest, requireKey } from "../../src/access/idempotency.ts";
import type { Db } from "../../src/db/database.ts";
import { registerIds } from "../../src/ids/register.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

it("runs what comes before the lock of any row ahead of the key's row, also when it only answers again", async () => {
  const t = await verbTest();
  const keys: number[] = [];
  const look = async (db: Db) => {
    keys.push((await db.read("SELECT FROM idempotency_keys")).length);
  };
  const keyed = keyedRequest({ operation: "test", input: { idempotencyKey: "k1" } }, null);
  const ask = () =>
    atMostOnce(t.as(), { operation: "test", keyed, before: look }, async ({ db }) => {
      await look(db);
      return { answer: 42 };
    });
  expect(await ask()).toEqual({ answer: 42, replayed: false });
  expect(keys).toEqual([0, 1]);
  expect(await ask()).toEqual({ answer: 42, replayed: true });
  expect(keys).toEqual([0, 1, 1]);
});

it.each(["", "k".repeat(256)])("refuses an idempotency key of %j in every kind of verb", async (idempotencyKey) => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const refused = {
    code: "BAD_USER_INPUT",
    message: expect.stringContaining("idempotencyKey must have 1 to 255 characters."),
  };
  const project = { projectId: "alpha", idempotencyKey };
  await expect(registerIds(t.as(), { ...project, ids: ["US-001"] })).rejects.toMatchObject(refused);
  await expect(takeId(t.as(), { ...project, artifactType: "US" })).rejects.toMatchObject(refused);
  await expect(claimNextTask(t.as(), project)).rejects.toMatchObject(refused);
  expect((await t.owner.query("SELECT FROM task_attempts")).rowCount).toBe(0);
});

it("counts the characters of a key as the database does", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const idempotencyKey = "🔑".repeat(255);
  expect(requireKey(idempotencyKey)).toBe(idempotencyKey);
  expect(requireKey(undefined)).toBeNull();
  const input = { projectId: "alpha", ids: ["US-001"], idempotencyKey };
  expect(await registerIds(t.as(), input)).toMatchObject({ registered: ["US-001"] });
  expect(await registerIds(t.as(), input)).toMatchObject({ registered: ["US-001"], replayed: true });
});
