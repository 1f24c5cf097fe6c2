import { expect, it } from "vitest";
import { addTasks } from "../../src/tasks/add.ts";
import { revertChanges } from "../../src/tasks/revert/revert.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";
import { oneIsWaiting } from "../support/waiting.ts";

const revert = { projectId: "alpha", client: "careless", since: "-PT1H" };

it("leaves alone what another session changed while its locks were waited for", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  await addTasks(t.as({ client: "careless" }), {
    projectId: "alpha",
    tasks: [{ description: "a" }, { description: "b" }],
  });
  const admin = t.as({ role: "admin", client: "admin" });
  const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
  const { promise: changed, resolve: change } = Promise.withResolvers<void>();
  const changing = t.database.transaction(async (db) => {
    await updateTask({ ...t.as(), db }, { projectId: "alpha", taskId: "TASK-001", title: "worth it" });
    change();
    await committed;
  });
  await changed;
  const reverting = revertChanges(admin, revert);
  await oneIsWaiting(t);
  commit();
  await changing;
  const { reverted, conflicts } = await reverting;
  expect(reverted.map(({ taskId }) => taskId)).toEqual(["TASK-002"]);
  expect(conflicts).toMatchObject([{ taskId: "TASK-001", message: expect.stringContaining("was changed by others") }]);
});

it("answers a dry run anew each time, also under one key", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const admin = t.as({ role: "admin", client: "admin" });
  const dryRun = async () => (await revertChanges(admin, { ...revert, dryRun: true, idempotencyKey: "k1" })).reverted;
  for (const count of [1, 2]) {
    await addTasks(t.as({ client: "careless" }), { projectId: "alpha", tasks: [{ description: "a" }] });
    expect(await dryRun()).toHaveLength(count);
  }
});
