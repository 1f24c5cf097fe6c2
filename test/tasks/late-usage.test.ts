import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { updateProject } from "../../src/projects/update.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { expireLeases } from "../../src/tasks/expire-leases.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { usageSums } from "../../src/tasks/usage/sums.ts";
import { given, seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const USED = { costUsd: 1, model: "m" };
const boss = { role: "admin", client: "desk", actor: "dk_test0009/boss" } as const;

const costs = async (t: VerbTest) =>
  Object.fromEntries(
    (await usageSums(t.as(), { from: "-P1D", by: ["worker"] })).map(({ worker, costUsd }) => [worker, costUsd]),
  );
const uses = (t: VerbTest) => costs(t).then(({ anna = 0 }) => anna);
const refusal = (code: string, usageCounted: boolean | undefined, message: RegExp = /./) => ({
  code,
  message: expect.stringMatching(message),
  ...(usageCounted === undefined
    ? { details: expect.not.objectContaining({ usageCounted: expect.anything() }) }
    : { details: expect.objectContaining({ usageCounted }) }),
});

/** A task whose attempt was anna's, until its lease ended; ben holds it now. */
async function lost() {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await claimNextTask(t.as(), { projectId: "alpha", worker: "anna", leaseSeconds: 60 });
  const of = { projectId: "alpha", taskId: "TASK-001", attempt: await given(t, "TASK-001") };
  await t.pass(60);
  await expireLeases({ db: t.database, viewer: SERVER, correlationId: "sweep" });
  await claimNextTask(t.as({ client: "other" }), { projectId: "alpha", worker: "ben" });
  return { t, ctx: t.as(), of };
}

it("counts what was used for the attempt that has ended, whichever call says it, once for each idempotency key", async () => {
  const { t, ctx, of } = await lost();
  const calls = [
    (key: string) => renewTaskLease(ctx, { ...of, usage: USED, idempotencyKey: key }),
    (key: string) => releaseTask(ctx, { ...of, usage: USED, idempotencyKey: key }),
    (key: string) => updateTaskStatus(ctx, { ...of, status: "completed", usage: USED, idempotencyKey: key }),
    (key: string) => completeAndClaimNext(ctx, { ...of, usage: USED, idempotencyKey: key }),
  ];
  for (const [i, call] of calls.entries()) {
    for (let times = 0; times < 2; times++)
      await expect(call(`k${i}`)).rejects.toMatchObject(
        refusal("LEASE_LOST", true, /held by ben.*Only its usage counts, for attempt 1\./s),
      );
    expect(await costs(t)).toEqual({ anna: i + 1 });
  }
  await expect(renewTaskLease(ctx, { ...of, usage: { costUsd: 9 }, idempotencyKey: "k0" })).rejects.toMatchObject({
    code: "IDEMPOTENCY_KEY_REUSED",
    message: expect.stringContaining("key k0 was"),
  });
  expect(await costs(t)).toEqual({ anna: 4 });
  const { rows } = await t.owner.query("SELECT attempt, sum(cost_usd)::int AS cost FROM task_usage GROUP BY attempt");
  expect(rows).toEqual([{ attempt: 1, cost: 4 }]);
});

it("asks for a key where there is none, as a call that is sent again would count twice", async () => {
  const { t, ctx, of } = await lost();
  await expect(renewTaskLease(ctx, { ...of, usage: USED })).rejects.toMatchObject(
    refusal("LEASE_LOST", false, /not counted: send the call again with an idempotencyKey/),
  );
  await expect(renewTaskLease(ctx, of)).rejects.toMatchObject(refusal("LEASE_LOST", undefined));
  expect(await costs(t)).toEqual({});
});

it("counts it against the budget, which is spent by it", async () => {
  const { t, ctx, of } = await lost();
  await updateProject(t.as({ role: "admin" }), { projectId: "alpha", budget: { costUsd: 1, per: "day" } });
  await expect(renewTaskLease(ctx, { ...of, usage: USED, idempotencyKey: "k" })).rejects.toThrow("Lease");
  const { idle } = await claimNextTask(ctx, { projectId: "alpha" });
  expect(idle?.reasons).toContainEqual({ reason: "budget_spent", count: 1 });
  const told = (await t.events()).filter(({ type }) => type.startsWith("project.budget"));
  expect(told.map(({ type }) => type)).toEqual(["project.budget_low", "project.budget_spent"]);
});

it("finds the attempt by the session that had it, and the task of it by its ID alone", async () => {
  const { t, ctx } = await lost();
  await seedTasks(t, "beta", 1);
  const of = { taskId: "task-001", usage: USED };
  await expect(renewTaskLease(ctx, { ...of, projectId: "alpha", idempotencyKey: "a" })).rejects.toMatchObject(
    refusal("LEASE_LOST", true),
  );
  const attempt = await given(t, "TASK-001", 1);
  await expect(renewTaskLease(ctx, { ...of, attempt, idempotencyKey: "b" })).rejects.toMatchObject(
    refusal("LEASE_LOST", true),
  );
  expect(await costs(t)).toEqual({ anna: 2 });
});

it("counts it also where the task was deleted, completed by others, or waits again", async () => {
  const { t, ctx, of } = await lost();
  const { attempt: _, ...unproved } = of;
  const complete = { ...unproved, status: "completed", usage: USED } as const;
  await releaseTask(t.as({ client: "other" }), unproved);
  await expect(updateTaskStatus(ctx, { ...complete, idempotencyKey: "waits" })).rejects.toMatchObject(
    refusal("INVALID_STATUS_TRANSITION", true),
  );
  await deleteTask(t.as(boss), unproved);
  await expect(updateTaskStatus(ctx, { ...complete, ...of, idempotencyKey: "deleted" })).rejects.toMatchObject(
    refusal("TASK_NOT_FOUND", true),
  );
  expect(await uses(t)).toBe(2);
});

it("counts nothing for an attempt that goes on, for one that is not the caller's, and for what the key does not see", async () => {
  const { t, ctx, of } = await lost();
  const key = { usage: USED, idempotencyKey: "k" };
  const bens = { projectId: "alpha", taskId: "TASK-001" };
  const ben = t.as({ client: "other" });
  await expect(
    updateTaskStatus(ben, { ...bens, ...key, status: "completed", expectedVersion: 9 }),
  ).rejects.toMatchObject({
    code: "VERSION_CONFLICT",
  });
  for (const attempt of ["1-000000000000", "9-000000000000", "1"])
    await expect(renewTaskLease(ctx, { ...of, ...key, attempt })).rejects.toMatchObject(
      refusal("LEASE_LOST", undefined),
    );
  const stranger = t.as({ client: "third" });
  await expect(renewTaskLease(stranger, { ...bens, ...key })).rejects.toMatchObject(refusal("LEASE_LOST", undefined));
  const limited = t.as({ projectIds: ["beta"] });
  await expect(renewTaskLease(limited, { ...of, ...key })).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
  await expect(renewTaskLease(limited, { ...of, ...key, projectId: null })).rejects.toMatchObject({
    code: "TASK_NOT_FOUND",
  });
  expect(await costs(t)).toEqual({});
});
