import { expect, it, onTestFinished } from "vitest";
import { seededRandom } from "../../bench/random.ts";
import { openDatabase } from "../../src/db/database.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { type MoveInQueue, moveInQueue } from "../../src/tasks/queue/move-in-queue.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { PATIENCE } from "../support/patience.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const alpha = { projectId: "alpha" };
const taskOf = (n: number) => `TASK-${String(n).padStart(3, "0")}`;

/** All pending tasks of a project as claims would take them, page by page. */
async function queue(t: VerbTest, projectId = "alpha"): Promise<string[]> {
  const filter = { projects: [projectId], status: { eq: "pending" } };
  const found: string[] = [];
  let after: string | null = null;
  do {
    const page = await listTasks(t.as(), { filter, first: 50, after });
    found.push(...page.edges.map(({ node }) => node.taskId));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}

const move = (t: VerbTest, n: number, to: Omit<MoveInQueue, "taskId">) =>
  moveInQueue(t.as(), { ...alpha, taskId: taskOf(n), ...to });

async function tasks(count: number) {
  const t = await verbTest();
  await seedTasks(t, "alpha", count);
  return t;
}

it.each<[string, number, Omit<MoveInQueue, "taskId">, number[]]>([
  ["before another", 4, { before: "TASK-002" }, [1, 4, 2, 3, 5]],
  ["before the first", 4, { before: "task-001" }, [4, 1, 2, 3, 5]],
  ["before one behind it", 1, { before: "TASK-005" }, [2, 3, 4, 1, 5]],
  ["after another", 4, { after: "TASK-001" }, [1, 4, 2, 3, 5]],
  ["after the last", 2, { after: "TASK-005" }, [1, 3, 4, 5, 2]],
  ["first", 3, { first: true }, [3, 1, 2, 4, 5]],
])("moves a task %s, and tells of it in one event", async (_where, n, to, expected) => {
  const t = await tasks(5);
  await move(t, n, to);
  expect(await queue(t)).toEqual(expected.map(taskOf));
  expect((await claimNextTask(t.as(), alpha)).taken?.taskId).toBe(taskOf(expected[0] ?? 0));
  const [told, ...claimed] = await t.events();
  expect(told).toMatchObject({
    type: "task.updated",
    subject_id: taskOf(n),
    payload: { changes: { queuePosition: { old: expect.any(Number), new: expect.any(Number) } } },
  });
  expect(claimed.map(({ type }) => type)).toEqual(["task.claimed"]);
  const { rows } = await t.owner.query("SELECT version FROM tasks WHERE status = 'pending' ORDER BY version DESC");
  expect(rows[0].version).toBe(expected[0] === n ? 1 : 2);
});

it("puts what is added after a move behind all that is there", async () => {
  const t = await tasks(2);
  await move(t, 1, { after: "TASK-002" });
  await t.owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-003', 'new')");
  expect(await queue(t)).toEqual([2, 1, 3].map(taskOf));
});

it("leaves a task as it is that stands there already, whatever of other priorities, or settled, lies between", async () => {
  const t = await tasks(5);
  await t.owner.query("UPDATE tasks SET priority = 0 WHERE task_id = 'TASK-002'");
  await updateTaskStatus(t.as(), { ...alpha, taskId: "TASK-003", status: "in_progress" });
  await updateTaskStatus(t.as(), { ...alpha, taskId: "TASK-003", status: "completed" });
  const before = (await t.events()).length;
  for (const to of [{ first: true }, { before: "TASK-004" }]) await move(t, 1, to);
  await move(t, 4, { after: "TASK-001" });
  expect((await t.events()).length).toBe(before);
  await move(t, 5, { before: "TASK-004" });
  expect((await t.events()).length).toBe(before + 1);
  expect(await queue(t)).toEqual([2, 1, 5, 4].map(taskOf));
});

it("moves what is held, which comes back to its new place, and stands beside what is held", async () => {
  const t = await tasks(3);
  await claimNextTask(t.as(), alpha);
  await move(t, 1, { after: "TASK-002" });
  await move(t, 3, { before: "TASK-001" });
  await releaseTask(t.as(), { ...alpha, taskId: "TASK-001", checkpoint: { at: 1 } });
  expect(await queue(t)).toEqual([2, 3, 1].map(taskOf));
});

const REFUSED: readonly [string, Omit<MoveInQueue, "taskId">, { code: string; message: RegExp }][] = [
  ["no place", {}, { code: "BAD_USER_INPUT", message: /exactly one of before, after, and first: true/ }],
  ["not the first place", { first: false }, { code: "BAD_USER_INPUT", message: /exactly one of/ }],
  ["two places", { before: "TASK-002", first: true }, { code: "BAD_USER_INPUT", message: /exactly one of/ }],
  [
    "a place before itself",
    { before: "task-001" },
    { code: "BAD_USER_INPUT", message: /TASK-001 cannot be moved before itself/ },
  ],
  [
    "a place after itself",
    { after: "TASK-001" },
    { code: "BAD_USER_INPUT", message: /TASK-001 cannot be moved after itself/ },
  ],
  ["a task that is not there", { before: "TASK-099" }, { code: "TASK_NOT_FOUND", message: /TASK-099/ }],
  ["a task of another project", { before: "TASK-010" }, { code: "TASK_NOT_FOUND", message: /TASK-010/ }],
  ["a task that was deleted", { after: "TASK-002" }, { code: "TASK_NOT_FOUND", message: /TASK-002/ }],
  ["a task that is completed", { after: "TASK-003" }, { code: "BAD_USER_INPUT", message: /TASK-003 is completed/ }],
  [
    "a task of another priority",
    { before: "TASK-004" },
    { code: "BAD_USER_INPUT", message: /TASK-004 has priority 1, and TASK-001 has 2.*updateTask/ },
  ],
];

it("refuses no place, two places, and places that are none, and says what to do", async () => {
  const t = await tasks(5);
  await seedTasks(t, "beta", 10);
  await deleteTask(t.as(), { ...alpha, taskId: "TASK-002" });
  await t.owner.query(`UPDATE tasks SET status = 'completed' WHERE project_id = 'alpha' AND task_id = 'TASK-003'`);
  await t.owner.query(`UPDATE tasks SET priority = 1 WHERE project_id = 'alpha' AND task_id = 'TASK-004'`);
  const before = await queue(t);
  for (const [what, to, { code, message }] of REFUSED) {
    const refused = { code, message: expect.stringMatching(message) };
    await expect(move(t, 1, to), what).rejects.toMatchObject(refused);
    expect(await queue(t), what).toEqual(before);
  }
});

it("refuses to move what is completed, deleted, unknown, or of a project that the key does not see", async () => {
  const t = await tasks(3);
  await t.owner.query("UPDATE tasks SET status = 'completed' WHERE task_id = 'TASK-001'");
  await expect(move(t, 1, { first: true })).rejects.toThrow(/TASK-001 is completed/);
  await deleteTask(t.as(), { ...alpha, taskId: "TASK-002" });
  for (const n of [2, 9]) await expect(move(t, n, { first: true })).rejects.toMatchObject({ code: "TASK_NOT_FOUND" });
  await expect(
    moveInQueue(t.as({ projectIds: ["beta"] }), { ...alpha, taskId: "TASK-003", first: true }),
  ).rejects.toMatchObject({ code: "PROJECT_NOT_FOUND" });
});

/** Where a list has it after the same move. */
function moved(order: readonly number[], n: number, to: { before?: number; after?: number }): number[] {
  const rest = order.filter((one) => one !== n);
  const at =
    to.before !== undefined ? rest.indexOf(to.before) : to.after !== undefined ? rest.indexOf(to.after) + 1 : 0;
  return rest.toSpliced(at, 0, n);
}

it.each([
  ["with room between them", ""],
  [
    "that an older version added one after the other",
    "UPDATE tasks SET queue_position = -queue_position; UPDATE tasks SET queue_position = -queue_position / 1000000",
  ],
])("orders tasks as a list would, move by move, of two projects and priorities, %s", async (_what, set) => {
  const t = await tasks(24);
  await seedTasks(t, "beta", 24);
  if (set) await t.owner.query(set);
  await t.owner.query("UPDATE tasks SET priority = 3 WHERE substr(task_id, 6)::int > 12");
  const random = seededRandom(7);
  const model: Record<string, [number[], number[]]> = {};
  const numbers = (from: number) => Array.from({ length: 12 }, (_, i) => from + i);
  for (const project of ["alpha", "beta"]) model[project] = [numbers(1), numbers(13)];
  for (let i = 0; i < 120; i++) {
    const projectId = random() < 0.5 ? "alpha" : "beta";
    const half = random() < 0.5 ? 0 : 1;
    const order = model[projectId]?.[half] ?? [];
    const n = order[Math.floor(random() * order.length)] ?? 0;
    // Mostly at one place, so that room becomes rare there.
    const others = order.filter((one) => one !== n);
    const other = others[random() < 0.7 ? 3 : Math.floor(random() * others.length)] ?? 0;
    const way = random();
    const to = way < 0.45 ? { before: other } : way < 0.9 ? { after: other } : {};
    const named = Object.fromEntries(Object.entries(to).map(([name, one]) => [name, taskOf(one)]));
    await moveInQueue(t.as(), { projectId, taskId: taskOf(n), ...(way < 0.9 ? named : { first: true }) });
    model[projectId]?.splice(half, 1, moved(order, n, to));
  }
  for (const project of ["alpha", "beta"])
    expect(await queue(t, project)).toEqual((model[project] ?? []).flat().map(taskOf));
});

it("finds room for as many as are moved to one place", async () => {
  const t = await tasks(3);
  const expected = [1, 2];
  await t.owner.query(`INSERT INTO tasks (project_id, task_id, description)
    SELECT 'alpha', 'TASK-' || n, 'more' FROM generate_series(101, 200) n`);
  for (let n = 101; n <= 200; n++) {
    await moveInQueue(t.as(), {
      ...alpha,
      taskId: `TASK-${n}`,
      ...(n % 2 ? { before: "TASK-002" } : { after: "TASK-001" }),
    });
    if (n % 2) expected.splice(-1, 0, n);
    else expected.splice(1, 0, n);
  }
  expect(await queue(t)).toEqual([...expected, 3].map(taskOf));
});

it("makes room by the nearest alone, however many stand in front", async () => {
  const t = await tasks(3_000);
  const places = async () => {
    const { rows } = await t.owner.query<{ place: string }>(
      "SELECT queue_position::text AS place FROM tasks WHERE task_id <= 'TASK-2750' AND task_id > 'TASK-1' ORDER BY task_id",
    );
    return rows.map(({ place }) => place);
  };
  const before = await places();
  // No room between the last two.
  await t.owner.query(`UPDATE tasks SET queue_position = 1 + (SELECT queue_position FROM tasks WHERE task_id = 'TASK-2998')
    WHERE task_id = 'TASK-2999'`);
  await moveInQueue(t.as(), { ...alpha, taskId: "TASK-001", after: "TASK-2998" });
  const { edges } = await listTasks(t.as(), { filter: { projects: ["alpha"] }, last: 4 });
  expect(edges.map(({ node }) => node.taskId)).toEqual(["TASK-2998", "TASK-001", "TASK-2999", "TASK-3000"]);
  expect(await places()).toEqual(before);
});

it("comes to one order by 100 moves at once on several processes, while claims take no task twice", async () => {
  const t = await tasks(100);
  // As an older version left them: room has to be made.
  await t.owner.query("UPDATE tasks SET queue_position = -queue_position");
  await t.owner.query("UPDATE tasks SET queue_position = -queue_position / 1000000");
  const other = openDatabase({ url: t.test.url, size: 10, applicationName: "docket second", patience: PATIENCE });
  const random = seededRandom(11);
  const pick = () => taskOf(1 + Math.floor(random() * 100));
  const moves = Array.from({ length: 100 }, async (_, i) => {
    const ctx = { ...t.as({ client: `planner-${i}` }), ...(i % 2 === 0 && { db: other }) };
    const [taskId, beside] = [taskOf(i + 1), pick()];
    if (taskId === beside) return;
    await moveInQueue(ctx, {
      ...alpha,
      taskId,
      ...(i % 3 === 0 ? { before: beside } : i % 3 === 1 ? { after: beside } : { first: true }),
    });
  });
  const claims = Array.from({ length: 60 }, async (_, i) => {
    const { taken } = await claimNextTask(t.as({ client: `worker-${i}`, name: `worker-${i}` }), alpha);
    // Some are completed meanwhile: to move those, or beside them, is refused.
    if (taken && i % 4 === 0)
      await updateTaskStatus(t.as({ client: `worker-${i}` }), { ...alpha, taskId: taken.taskId, status: "completed" });
    return taken?.taskId;
  });
  const [answers, taken] = await Promise.all([Promise.allSettled(moves), Promise.all(claims)]);
  await other.close();
  for (const answer of answers)
    if (answer.status === "rejected")
      expect(answer.reason).toMatchObject({ code: "BAD_USER_INPUT", message: expect.stringMatching(/is completed/) });
  const held = taken.filter((taskId) => taskId !== undefined);
  expect(held.length).toBeGreaterThan(40);
  expect(new Set(held).size).toBe(held.length);
  const left = await queue(t);
  expect(left.length).toBe(100 - held.length);
  expect(new Set([...left, ...held]).size).toBe(100);
  const { rows } = await t.owner.query("SELECT count(DISTINCT queue_position)::int AS places FROM tasks");
  expect(rows).toEqual([{ places: 100 }]);
});

it("says to try again where others take whatever room is made", async () => {
  const t = await tasks(3);
  await t.owner.query(`UPDATE tasks SET queue_position = 3 + substring(task_id FROM 6)::int`);
  // Whoever spreads the places finds them as they were.
  await t.owner.query(`CREATE FUNCTION keep_place() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.queue_position := OLD.queue_position; RETURN NEW; END $$`);
  await t.owner.query(`CREATE TRIGGER keep_place BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION keep_place()`);
  onTestFinished(async () => void (await t.owner.query("DROP FUNCTION keep_place CASCADE")));
  await expect(move(t, 3, { before: "TASK-002" })).rejects.toMatchObject({
    code: "RATE_LIMITED",
    message: expect.stringContaining("TASK-003 was not moved. Move it again in a second"),
    details: { retryable: true, retryAfterMs: 1_000 },
  });
  expect(await queue(t)).toEqual([1, 2, 3].map(taskOf));
});
