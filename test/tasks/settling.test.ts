import { expect, it } from "vitest";
import { makeProject, shareServer } from "../support/server.ts";

const shared = shareServer();

it("counts what is open, and deadlocks nobody, while many complete, reset and add dependencies at once", async () => {
  const { projectId, gql } = await makeProject(shared.server, Array<string>(12).fill("work"));
  const ids = Array.from({ length: 12 }, (_, i) => `TASK-0${String(i + 1).padStart(2, "0")}`);
  const one = (n: number) => ids[n % ids.length] ?? "";
  const status = (taskId: string, status: string, more: object = {}) =>
    gql("mutation ($input: UpdateTaskStatusInput!) { updateTaskStatus(input: $input) { replayed } }", {
      input: { projectId, taskId, status, ...more },
    });
  const codes = new Set<unknown>();
  const round = async (n: number) => {
    const answers = [
      await gql("mutation ($input: AddDependencyInput!) { addDependency(input: $input) { added } }", {
        input: { projectId, taskId: one(n * 7), dependsOn: { taskId: one(n * 5 + 1) } },
      }),
      await status(one(n), "IN_PROGRESS"),
      await status(one(n), "COMPLETED"),
      ...(n % 3 === 0 ? [await status(one(n + 2), "PENDING", { reset: true })] : []),
    ];
    for (const { errors = [] } of answers) for (const { extensions } of errors) codes.add(extensions["code"]);
  };
  await Promise.all(Array.from({ length: 30 }, (_, n) => round(n)));
  expect([...codes]).not.toContain("DATABASE_UNAVAILABLE");
  expect([...codes]).not.toContain("INTERNAL");
  const { rows } = await shared.owner.query(
    `SELECT task_id FROM tasks t WHERE project_id = $1 AND open_blockers <> (
       SELECT count(*) FROM task_dependencies d JOIN tasks b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
       WHERE d.project_id = t.project_id AND d.task_id = t.task_id AND d.kind = 'blocks' AND b.status <> 'completed' AND b.deleted_at IS NULL)`,
    [projectId],
  );
  expect(rows).toEqual([]);
});
