import { expect, it } from "vitest";
import { parameters } from "../../src/db/parameters.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { taskCondition } from "../../src/tasks/filter.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { hasTextIndex, MAKE_TEXT_INDEX } from "../../src/tasks/text-index.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { startTestServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const find = async (t: VerbTest, text: string) =>
  (await listTasks(t.as(), { filter: { text } })).edges.map(({ node }) => node.taskId);

it("finds a task by its texts as they are now, from its first statement on", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 2);
  await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "Write the parser", title: "Lexer" }] });
  expect(await find(t, "PARSER lexer")).toEqual(["TASK-003"]);
  await updateTask(t.as(), { projectId: "alpha", taskId: "TASK-003", description: "Write the printer" });
  expect(await find(t, "parser")).toEqual([]);
  expect(await find(t, "printer")).toEqual(["TASK-003"]);
  await updateTask(t.as(), { projectId: "alpha", taskId: "TASK-003", title: null, contextNotes: "see RFC 5545" });
  expect(await find(t, "lexer")).toEqual([]);
  const claimed = { projectId: "alpha", taskId: "TASK-003" };
  await updateTaskStatus(t.as(), { ...claimed, status: "in_progress" });
  await updateTaskStatus(t.as(), { ...claimed, status: "completed", completionNotes: "done in two days" });
  expect(await find(t, "rfc two printer task-003")).toEqual(["TASK-003"]);
  // Rows of plain SQL, too.
  await t.owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('alpha', 'TASK-009', 'by hand')");
  expect(await find(t, "hand")).toEqual(["TASK-009"]);
});

it("reads only what fits, of 1,200 tasks", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1_200);
  await t.owner.query(
    "UPDATE tasks SET context_notes = md5(task_id), description = 'needle' WHERE queue_position / 1000000 % 600 = 0",
  );
  await t.owner.query("VACUUM ANALYZE tasks, task_texts");
  const { values, bind } = parameters();
  const condition = taskCondition({ text: "needle" }, bind);
  const { rows } = await t.owner.query(`EXPLAIN SELECT FROM tasks t WHERE ${condition}`, values);
  expect(JSON.stringify(rows)).toContain("Bitmap Index Scan on idx_task_texts");
  expect(await find(t, "needle")).toHaveLength(2);
});

/** The plan that finds the one task with a needle among its words, of so many tasks with so many words each. */
async function planAmongLongTexts(t: VerbTest, count: number, words: number, prepare = ""): Promise<string> {
  await seedTasks(t, "alpha", count);
  await t.owner.query(
    `UPDATE tasks SET description = task_id || CASE task_id WHEN 'TASK-007' THEN ' needle ' ELSE '' END ||
       (SELECT string_agg(md5(task_id || n), ' ') FROM generate_series(1, ${words}) n)`,
  );
  await t.owner.query(prepare);
  const { values, bind } = parameters();
  const condition = taskCondition({ text: "needle" }, bind);
  const { rows } = await t.owner.query(`EXPLAIN SELECT FROM tasks t WHERE ${condition}`, values);
  return JSON.stringify(rows);
}

it("asks the index where texts are few and long", async () => {
  const t = await verbTest();
  const plan = await planAmongLongTexts(t, 100, 150, "VACUUM ANALYZE tasks, task_texts");
  expect(plan).toContain("Bitmap Index Scan on idx_task_texts");
  expect(await find(t, "needle")).toEqual(["TASK-007"]);
});

it("asks the index where texts are many, also before anything is known of them", async () => {
  expect(await planAmongLongTexts(await verbTest(), 2_000, 30)).toContain("Bitmap Index Scan on idx_task_texts");
});

it("leaves the texts alone when a claim changes a task", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const version = async () => (await t.owner.query("SELECT xmin, ctid FROM task_texts")).rows;
  const before = await version();
  await updateTaskStatus(t.as(), { projectId: "alpha", taskId: "TASK-001", status: "in_progress" });
  expect(await version()).toEqual(before);
});

it("finds the same without the index, and start-up says how to make it", async () => {
  const t = await verbTest();
  expect(await hasTextIndex(t.database)).toBe(true);
  await seedTasks(t, "alpha", 3);
  await t.owner.query("UPDATE tasks SET description = 'needle' WHERE task_id = 'TASK-002'");
  await t.owner.query("DROP EXTENSION pg_trgm CASCADE");
  expect(await hasTextIndex(t.database)).toBe(false);
  expect(await find(t, "needle")).toEqual(["TASK-002"]);
  const server = await startTestServer({ test: t.test });
  const warning = () =>
    server.logged.filter(({ msg }) => String(msg).startsWith("Text searches read the texts of all tasks"));
  expect(warning()).toMatchObject([{ msg: expect.stringContaining(MAKE_TEXT_INDEX) }]);
  for (const statement of MAKE_TEXT_INDEX.split("; ")) await t.owner.query(statement);
  expect(await hasTextIndex(t.database)).toBe(true);
  await server.close();
});
