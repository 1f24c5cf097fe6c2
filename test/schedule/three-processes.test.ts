import { expect, it, onTestFinished } from "vitest";
import { ask } from "../acceptance/traffic.ts";
import { createTestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { connectOwner } from "../support/owner.ts";
import { startServerProcess } from "../support/server-process.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

const TEMPLATES = 60;

it("makes every instance once, with its event, also when two of three servers are killed at it", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const owner = await connectOwner(database);
  const home = await makeTemporaryFolder("recurrences");
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => startServerProcess(database, home)));
  if (!first || !second || !third) throw new Error("Three were started");
  const { rows } = await owner.query<{ due: string }>(
    "SELECT to_char(date_trunc('day', docket_now()) + interval '1 day 9 hours', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS due",
  );
  const item = `{description: "again", dueDate: "${rows[0]?.due}", recurrencePattern: "daily", catchUp: ALL}`;
  const tasks = Array.from({ length: TEMPLATES }, () => item).join(", ");
  await ask(
    first,
    `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [${tasks}]}) { replayed } }`,
  );
  const made = async () => {
    const { rows } = await owner.query<{ made: number; dates: number; told: number }>(
      `SELECT count(*)::int AS made, count(DISTINCT occurrence_date)::int AS dates,
         (SELECT count(DISTINCT subject_id)::int FROM events WHERE event_type = 'task.created'
          AND payload -> 'task' ->> 'occurrenceDate' IS NOT NULL) AS told
       FROM tasks WHERE parent_recurring_task_id IS NOT NULL`,
    );
    return rows[0];
  };
  // Five days at once: a batch has hundreds of instances, and is cut off somewhere.
  await owner.pass(5 * 86_400);
  await eventually(async () => expect((await made())?.made).toBeGreaterThan(TEMPLATES));
  await first.kill();
  await eventually(async () => expect((await made())?.made).toBeGreaterThan(2 * TEMPLATES));
  await second.kill();
  await eventually(
    async () => {
      const dates = (await made())?.dates ?? 0;
      expect(dates).toBeGreaterThanOrEqual(5);
      expect(await made()).toEqual({ made: dates * TEMPLATES, dates, told: dates * TEMPLATES });
    },
    { timeout: 60_000 },
  );
  // No number was given in vain, nor twice.
  const ids = await owner.query(
    `SELECT (SELECT count(*)::int FROM tasks) AS ids,
       (SELECT last_assigned_id::int FROM id_registry WHERE artifact_type = 'TASK') AS last`,
  );
  expect(ids.rows[0]?.ids).toBe(ids.rows[0]?.last);
}, 120_000);
