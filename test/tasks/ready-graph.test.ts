import * as fc from "fast-check";
import { expect, it } from "vitest";
import { addTasks } from "../../src/tasks/add.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { removeDependency } from "../../src/tasks/dependencies/remove.ts";
import { listTasks } from "../../src/tasks/list.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, verbTest } from "../support/verbs.ts";

const COUNT = 12;
const task = fc.integer({ min: 1, max: COUNT });
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant("depend" as const), a: task, b: task }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("independ" as const), a: task, b: task }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("move" as const), a: task, b: task }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("finish" as const), a: task, b: task }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("reset" as const), a: task, b: task }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("delete" as const), a: task, b: task }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("plan" as const), a: task, b: task }) },
);

const id = (n: number) => `TASK-${String(n).padStart(3, "0")}`;

it("has ready by SQL what an independent calculation says, whatever happens to the graph, and no circle in it", async () => {
  const t = await verbTest();
  const ctx = t.as({ role: "admin" });
  let project = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), async (actions) => {
      const projectId = `graph-${++project}`;
      await seedTasks(t, projectId, COUNT);
      for (const { what, a, b } of actions) {
        const of = { projectId, taskId: id(a) };
        const done = {
          depend: () => addDependency(ctx, { ...of, dependsOn: { taskId: id(b) } }),
          independ: () => removeDependency(ctx, { ...of, dependsOn: { taskId: id(b) } }),
          move: () => updateTask(ctx, { ...of, parentTaskId: id(b) }),
          finish: async () => {
            await updateTaskStatus(ctx, { ...of, status: "in_progress" });
            return updateTaskStatus(ctx, { ...of, status: "completed" });
          },
          reset: () => updateTaskStatus(ctx, { ...of, status: "pending", reset: true }),
          plan: () =>
            addTasks(ctx, {
              projectId,
              tasks: [
                { key: "part", description: "part", parentTaskId: id(a), dependsOn: a > b ? ["step"] : [] },
                { key: "step", description: "step", dependsOn: [id(b)] },
                { key: "end", description: "end", dependsOn: ["part", "step"] },
              ],
            }),
          delete: () => deleteTask(ctx, { ...of, cascade: b % 2 === 0 }),
        }[what]();
        // What is refused leaves the graph as it was; anything but a refusal fails the test.
        await done.catch((error: { code?: string }) =>
          expect([
            "BAD_USER_INPUT",
            "DEPENDENCY_CYCLE",
            "NOT_READY",
            "INVALID_STATUS_TRANSITION",
            "TASK_NOT_FOUND",
            "LEASE_LOST",
          ]).toContain(error.code),
        );
      }
      const { edges } = await listTasks(ctx, { filter: { projects: [projectId], ready: true }, first: 100 });
      const { rows: tasks } = await t.owner.query<{ id: string; parent: string | null; status: string; gone: boolean }>(
        "SELECT task_id AS id, parent_task_id AS parent, status, deleted_at IS NOT NULL AS gone FROM tasks WHERE project_id = $1",
        [projectId],
      );
      const { rows: links } = await t.owner.query<{ id: string; on: string }>(
        `SELECT task_id AS id, depends_on_task_id AS on FROM task_dependencies WHERE project_id = $1`,
        [projectId],
      );
      const waits = [...links, ...tasks.flatMap((one) => (one.parent ? [{ id: one.parent, on: one.id }] : []))];
      const open = new Set(tasks.filter(({ status, gone }) => status !== "completed" && !gone).map((one) => one.id));
      const ready = tasks.filter(
        (one) =>
          one.status === "pending" && !one.gone && !waits.some((link) => link.id === one.id && open.has(link.on)),
      );
      expect(edges.map(({ node }) => node.taskId).sort()).toEqual(ready.map((one) => one.id).sort());
      // Taken away from its ends, a graph without a circle is gone.
      let left = waits;
      for (let before = Number.POSITIVE_INFINITY; left.length < before; ) {
        before = left.length;
        left = left.filter((link) => left.some((other) => other.id === link.on));
      }
      expect(left).toEqual([]);
    }),
    { numRuns: 25 },
  );
}, 60_000);
