import { expect, it } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { digest, MOST_DIGESTED, MOST_EVENTS_OF_DIGEST, MOST_TOLD_OF } from "../../src/tasks/digest.ts";
import { expireLeases } from "../../src/tasks/expire-leases.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const of = (taskId: string) => ({ projectId: "alpha", taskId });

async function start(count = 6) {
  const t = await verbTest();
  await seedTasks(t, "alpha", count);
  const claim = (client: string, taskId: string, worker: string | undefined = client) =>
    updateTaskStatus(t.as({ client }), { ...of(taskId), status: "in_progress", worker, leaseSeconds: 60 });
  return { t, claim };
}

const told = async (t: VerbTest, since = "-P1D", viewer = {}) =>
  (await digest(t.as({ role: "reader", ...viewer }), { projects: ["alpha"], since })).map(
    ({ worker, completed, failed, added, claims, releases, checkpoints }) => ({
      ...{ worker, claims, releases, checkpoints },
      completed: completed.map(({ taskId }) => taskId),
      failed: failed.map(({ taskId }) => taskId),
      added: added.map(({ taskId }) => taskId),
    }),
  );

it("tells of each worker what it completed, failed at, added, gave back and noted, by the name of its claims", async () => {
  const { t, claim } = await start();
  const [anna, ben] = [t.as({ client: "anna" }), t.as({ client: "ben" })];
  await claim("anna", "TASK-001");
  await renewTaskLease(anna, { ...of("TASK-001"), leaseSeconds: 60, checkpoint: { step: 1 } });
  await updateTaskStatus(anna, { ...of("TASK-001"), status: "completed" });
  await claim("anna", "TASK-002");
  await releaseTask(anna, { ...of("TASK-002"), checkpoint: { step: 2 } });
  await addTasks(anna, { projectId: "alpha", tasks: [{ description: "found by anna" }] });
  await claim("ben", "TASK-003");
  await releaseTask(ben, { ...of("TASK-003"), outcome: "failed" });
  await claim("ben", "TASK-004");
  await t.pass(61);
  await expireLeases({ db: t.database, viewer: SERVER, correlationId: "sweep" });
  // A session that claims nothing goes by the name of its key.
  await addTasks(t.as({ client: "planner" }), {
    projectId: "alpha",
    tasks: [{ description: "a" }, { description: "b" }],
  });
  expect(await told(t)).toEqual([
    {
      ...{ worker: "agent", claims: 0, releases: 0, checkpoints: 0 },
      ...{ completed: [], failed: [], added: ["TASK-009", "TASK-008"] },
    },
    {
      ...{ worker: "anna", claims: 2, releases: 1, checkpoints: 2 },
      ...{ completed: ["TASK-001"], failed: [], added: ["TASK-007"] },
    },
    {
      ...{ worker: "ben", claims: 2, releases: 0, checkpoints: 0 },
      ...{ completed: [], failed: ["TASK-004", "TASK-003"], added: [] },
    },
  ]);
  const [, found] = await digest(t.as(), { since: "-P1D" });
  expect(found?.added).toEqual([{ ...of("TASK-007"), title: "found by anna" }]);
  // The same once all of it is in the log.
  await t.events();
  expect((await told(t)).map(({ worker }) => worker)).toEqual(["agent", "anna", "ben"]);
});

it("counts what an admin completed in a worker's place as the admin's", async () => {
  const { t, claim } = await start();
  await claim("anna", "TASK-001");
  const admin = t.as({ role: "admin", client: "desk", actor: "dk_test0009/boss", name: "boss" });
  await updateTaskStatus(admin, { ...of("TASK-001"), status: "completed" });
  expect((await told(t)).map(({ worker, completed }) => [worker, completed])).toEqual([
    ["anna", []],
    ["boss", ["TASK-001"]],
  ]);
});

it("looks at what happened since then, in projects that the key sees", async () => {
  const { t, claim } = await start();
  await claim("anna", "TASK-001");
  await updateTaskStatus(t.as({ client: "anna" }), { ...of("TASK-001"), status: "completed" });
  await deleteTask(t.as(), of("TASK-001"));
  await t.pass(3_600);
  expect(await told(t, "-PT59M")).toEqual([]);
  expect(await told(t, "-PT61M")).toMatchObject([{ worker: "anna", completed: ["TASK-001"] }]);
  await seedTasks(t, "beta", 1);
  expect(await digest(t.as({ projectIds: ["beta"] }), { since: "-P1D" })).toEqual([]);
  for (const projects of [["alpha"], ["none"]])
    await expect(digest(t.as({ projectIds: ["beta"] }), { projects, since: "-P1D" })).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
  for (const since of ["soon", "P1D", "2999-01-01T00:00:00Z"])
    await expect(digest(t.as(), { since })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
});

it("names the latest tasks of each and counts them all, and refuses more workers than it tells of", async () => {
  const { t } = await start(0);
  const tasks = Array.from({ length: MOST_TOLD_OF + 1 }, (_, i) => ({ description: `${i}` }));
  await addTasks(t.as(), { projectId: "alpha", tasks });
  const [all] = await digest(t.as(), { since: "-P1D" });
  expect(all?.added.map(({ title }) => title)).toEqual(
    tasks
      .map(({ description }) => description)
      .reverse()
      .slice(0, -1),
  );
  expect(all).toMatchObject({ addedCount: MOST_TOLD_OF + 1, completedCount: 0, failedCount: 0 });
  const claimed = (from: number, to: number) =>
    t.owner.query(
      `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload)
       SELECT 'task.claimed', 'alpha', 'task', 'TASK-001', 'x', jsonb_build_object('worker', 'w' || n)
       FROM generate_series($1::int, $2::int) n`,
      [from, to],
    );
  await claimed(2, MOST_DIGESTED);
  expect(await digest(t.as(), { since: "-P1D" })).toHaveLength(MOST_DIGESTED);
  await claimed(1, 1);
  await expect(digest(t.as(), { since: "-P1D" })).rejects.toThrow(`more than ${MOST_DIGESTED} workers`);
});

it("reads as many events as it says, and refuses more", async () => {
  const { t } = await start(1);
  const noted = (count: number) =>
    t.owner.query(
      `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload)
       SELECT 'task.checkpointed', 'alpha', 'task', 'TASK-001', 'x', '{"worker": "anna", "checkpoint": 1}'
       FROM generate_series(1, $1::int)`,
      [count],
    );
  await noted(MOST_EVENTS_OF_DIGEST);
  expect(await digest(t.as(), { since: "-P1D" })).toMatchObject([
    { worker: "anna", checkpoints: MOST_EVENTS_OF_DIGEST },
  ]);
  await noted(1);
  await expect(digest(t.as(), { since: "-P1D" })).rejects.toMatchObject({
    code: "BAD_USER_INPUT",
    message: expect.stringContaining(`more than ${MOST_EVENTS_OF_DIGEST} events`),
  });
  expect(await digest(t.as(), { since: "-PT0S" })).toEqual([]);
});
