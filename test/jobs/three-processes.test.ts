import { expect, it, onTestFinished } from "vitest";
import { ask } from "../acceptance/traffic.ts";
import { createTestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { startServerProcess } from "../support/server-process.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const HOUR = 3_600;

it("tells of every lease and reservation that ended, and reminds of everything that is due, once, also when one of three servers is killed", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const owner = await connectOwner(database);
  const home = await makeTemporaryFolder("three-processes");
  const first = await startServerProcess(database, home);
  const second = await startServerProcess(database, home);
  const servers = [first, second, await startServerProcess(database, home)];
  const tasks = Array.from({ length: 60 }, () => '{description: "work"}').join(", ");
  await ask(
    first,
    `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [${tasks}]}) { replayed } }`,
  );
  const dueDate = new Date(Date.now() + HOUR * 1_000).toISOString();
  const due = `{description: "work", dueDate: "${dueDate}", reminders: [{offset: "30 minutes"}, {offset: "PT29M"}]}`;
  await ask(
    second,
    `mutation { addTasks(input: {projectId: "beta", createProject: true, tasks: [${Array(60).fill(due).join(", ")}]}) { replayed } }`,
  );
  await Promise.all(
    servers.flatMap((server) =>
      Array.from({ length: 20 }, () =>
        ask(
          server,
          `mutation {
            claimNextTask(input: {projectId: "alpha", leaseSeconds: 600}) { attempt }
            reserveIds(input: {projectId: "alpha", artifactType: "US", ttlSeconds: 600}) { reservedIds } }`,
        ),
      ),
    ),
  );
  /** Claims what has expired while others tell of it, for longer than the test looks. */
  const claims = async () => {
    for (let i = 0; i < 10; i++)
      await ask(second, 'mutation { claimNextTask(input: {projectId: "alpha", leaseSeconds: 86400}) { attempt } }');
  };
  await owner.pass(HOUR);
  await Promise.all([first.kill(), claims()]);
  const told = async (type: string) => {
    const { rows } = await owner.query<{ of: string }>(
      "SELECT coalesce(payload ->> 'reminderId', subject_id) AS of FROM events WHERE event_type = $1",
      [type],
    );
    return rows.map(({ of }) => of);
  };
  for (const [type, count] of [
    ["task.lease_expired", 60],
    ["ids.expired", 60],
    ["task.reminder.triggered", 120],
  ] as const) {
    await eventually(async () => expect(await told(type)).toHaveLength(count));
    expect(new Set(await told(type)).size).toBe(count);
  }
  const { rows } = await owner.query("SELECT outcome, count(*)::int FROM task_attempts GROUP BY 1 ORDER BY 1");
  expect(rows).toEqual([
    { outcome: "expired", count: 60 },
    { outcome: null, count: 10 },
  ]);
});
