import * as fc from "fast-check";
import { expect, it } from "vitest";
import { criticalPath, MOST_ON_PATH, MOST_OPEN } from "../../src/tasks/dependencies/critical-path.ts";
import { startTestServer } from "../support/server.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const id = (n: number) => `TASK-${String(n).padStart(3, "0")}`;

/** Tasks 1 to `count` of a project; each pair `[task, other]` is a task that waits for the other. */
async function seedGraph(t: VerbTest, projectId: string, count: number, waits: readonly (readonly [number, number])[]) {
  await seedTasks(t, projectId, count);
  await t.owner.query(
    `INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
     SELECT $1, a, $1, b, 'blocks' FROM unnest($2::text[], $3::text[]) e (a, b) ON CONFLICT DO NOTHING`,
    [projectId, waits.map(([a]) => id(a)), waits.map(([, b]) => id(b))],
  );
}

const set = ({ owner }: VerbTest, projectId: string, n: number, assignment: string) =>
  owner.query(`UPDATE tasks SET ${assignment} WHERE project_id = $1 AND task_id = $2`, [projectId, id(n)]);

const COUNT = 9;
const graph = fc.record({
  hours: fc.array(fc.option(fc.integer({ min: 0, max: 40 }).map((quarters) => quarters / 4)), {
    minLength: COUNT,
    maxLength: COUNT,
  }),
  waits: fc.array(
    fc.tuple(fc.integer({ min: 1, max: COUNT }), fc.integer({ min: 1, max: COUNT })).filter(([a, b]) => a > b),
    { maxLength: 20 },
  ),
  // Of the last three tasks, so that they lie on no more than two levels.
  parents: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 7, max: COUNT })), {
    selector: ([child]) => child,
    maxLength: 4,
  }),
  completed: fc.uniqueArray(fc.integer({ min: 1, max: COUNT }), { maxLength: 3 }),
});

/** The hours of the longest chain that ends with each open task, by walking every chain. */
function longest(
  hours: readonly (number | null)[],
  waits: readonly (readonly [number, number])[],
  done: readonly number[],
) {
  const from = (n: number): number =>
    done.includes(n)
      ? 0
      : (hours[n - 1] ?? 1) + Math.max(0, ...waits.filter(([a]) => a === n).map(([, before]) => from(before)));
  return Math.max(0, ...hours.map((_hours, i) => from(i + 1)));
}

it("is the longest of all chains of open tasks, of which each waits for the one before", async () => {
  const t = await verbTest();
  let project = 0;
  await fc.assert(
    fc.asyncProperty(graph, async ({ hours, waits, parents, completed }) => {
      const projectId = `graph-${++project}`;
      await seedGraph(t, projectId, COUNT, waits);
      for (const [i, estimate] of hours.entries())
        if (estimate !== null)
          await set(t, projectId, i + 1, `metadata = jsonb_build_object('estimated_hours', ${estimate})`);
      for (const [child, parent] of parents) await set(t, projectId, child, `parent_task_id = '${id(parent)}'`);
      for (const n of completed) await set(t, projectId, n, "status = 'completed'");
      const all = [...waits, ...parents.map(([child, parent]) => [parent, child] as const)];

      const { tasks, count, totalHours } = await criticalPath(t.as(), projectId);
      expect(totalHours).toBe(longest(hours, all, completed));
      const path = tasks.map(({ taskId }) => Number(taskId.slice(5)));
      expect(count).toBe(path.length);
      expect(path.filter((n) => completed.includes(n))).toEqual([]);
      expect(path.reduce((sum, n) => sum + (hours[n - 1] ?? 1), 0)).toBe(totalHours);
      for (const [i, n] of path.slice(1).entries()) expect(all).toContainEqual([n, path[i]]);
    }),
    { numRuns: 25 },
  );
});

it("goes through other projects as far as the key sees them, and ends in its own", async () => {
  const t = await verbTest();
  await seedGraph(t, "alpha", 2, [[2, 1]]);
  await seedGraph(t, "beta", 3, [[2, 1]]);
  await t.owner.query(`INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
    VALUES ('alpha', 'TASK-001', 'beta', 'TASK-002', 'blocks'), ('beta', 'TASK-003', 'alpha', 'TASK-002', 'blocks')`);
  const path = async (projectIds: readonly string[] | null) =>
    (await criticalPath(t.as({ projectIds }), "alpha")).tasks.map(({ projectId, taskId }) => `${projectId}/${taskId}`);
  expect(await path(null)).toEqual(["beta/TASK-001", "beta/TASK-002", "alpha/TASK-001", "alpha/TASK-002"]);
  expect(await path(["alpha"])).toEqual(["alpha/TASK-001", "alpha/TASK-002"]);
  for (const projectId of ["beta", "gamma"])
    await expect(criticalPath(t.as({ projectIds: ["alpha"] }), projectId)).rejects.toMatchObject({
      code: "PROJECT_NOT_FOUND",
    });
});

it("is found among 2,000 tasks with 30,000 dependencies, and told as far as an answer goes", async () => {
  const t = await verbTest();
  const waits = Array.from({ length: 2_000 }, (_, i) =>
    Array.from({ length: Math.min(15, i) }, (_, back) => [i + 1, i - back] as const),
  ).flat();
  // Counting what waits takes the longest by far, and the path does not ask for it.
  await t.owner.query("ALTER TABLE task_dependencies DISABLE TRIGGER ALL");
  await seedGraph(t, "alpha", 2_000, waits);
  const { tasks, count, totalHours } = await criticalPath(t.as(), "alpha");
  expect([count, totalHours, tasks.length]).toEqual([2_000, 2_000, MOST_ON_PATH]);
  expect(tasks.slice(0, 3).map(({ taskId }) => taskId)).toEqual([id(1), id(2), id(3)]);
});

it("is empty where nothing is open, and refuses a circle that plain SQL has made", async () => {
  const t = await verbTest();
  await seedGraph(t, "alpha", 2, [
    [2, 1],
    [1, 2],
  ]);
  await expect(criticalPath(t.as(), "alpha")).rejects.toMatchObject({ code: "DEPENDENCY_CYCLE" });
  await t.owner.query("UPDATE tasks SET status = 'completed'");
  expect(await criticalPath(t.as(), "alpha")).toEqual({ tasks: [], count: 0, totalHours: 0 });
});

it("is asked for by its names", async () => {
  const server = await startTestServer();
  await server.ask(`mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [
    {key: "a", description: "a", metadata: {estimated_hours: 2.5}}, {description: "b", dependsOn: ["a"]}, {description: "c"}]}) { taskIds } }`);
  expect(
    await server.ask('{ criticalPath(projectId: "alpha") { tasks { taskId description } count totalHours } }'),
  ).toEqual({
    criticalPath: {
      tasks: [
        { taskId: "TASK-001", description: "a" },
        { taskId: "TASK-002", description: "b" },
      ],
      count: 2,
      totalHours: 3.5,
    },
  });
});

it("looks at as many open tasks as it says, and refuses more", async () => {
  const t = await verbTest();
  await t.owner.query("ALTER TABLE tasks DISABLE TRIGGER ALL");
  await seedTasks(t, "alpha", MOST_OPEN + 1);
  await set(t, "alpha", 1, "deleted_at = now()");
  expect(await criticalPath(t.as(), "alpha")).toMatchObject({ count: 1, totalHours: 1 });
  await set(t, "alpha", 1, "deleted_at = NULL");
  await expect(criticalPath(t.as(), "alpha")).rejects.toMatchObject({
    code: "QUERY_TOO_COMPLEX",
    message: expect.stringContaining(`more than ${MOST_OPEN} open tasks`),
  });
});
