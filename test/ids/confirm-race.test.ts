import { expect, it } from "vitest";
import { registerIds } from "../../src/ids/register.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";
import { oneIsWaiting } from "../support/waiting.ts";

it("does not give numbers again whose reservation is confirmed just as it expires", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const { reservedIds } = await reserveIds(t.as(), {
    projectId: "alpha",
    artifactType: "TASK",
    count: 2,
    ttlSeconds: 60,
  });
  await t.pass(61);
  await t.owner.query("BEGIN");
  await t.owner.query("LOCK TABLE id_lane IN ROW EXCLUSIVE MODE");
  await t.owner.query("UPDATE id_reservations SET confirmed_at = docket_now()");
  const adding = addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "a" }] });
  const confirmed = (async () => {
    await oneIsWaiting(t);
    await t.owner.query("COMMIT");
  })();
  const { tasks } = await adding;
  await confirmed;
  expect(reservedIds).toEqual(["TASK-001", "TASK-002"]);
  expect(tasks).toEqual([{ projectId: "alpha", taskId: "TASK-003" }]);
});

it("sees a number as registered whose reservation is confirmed at this moment", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  await reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count: 2 });
  await t.owner.query("BEGIN");
  await t.owner.query("LOCK TABLE id_lane IN ROW EXCLUSIVE MODE");
  await t.owner.query("UPDATE id_reservations SET confirmed_at = docket_now()");
  const registering = registerIds(t.as(), { projectId: "alpha", ids: ["US-001", "US-003"] });
  const confirmed = (async () => {
    await oneIsWaiting(t);
    await t.owner.query("COMMIT");
  })();
  expect(await registering).toMatchObject({ registered: ["US-003"], alreadyRegistered: ["US-001"] });
  await confirmed;
});
