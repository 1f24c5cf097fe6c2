import { verb } from "../../access/verb.ts";
import { makerOf } from "../../access/viewer.ts";
import { append } from "../../log/write/append.ts";
import type { DependencyAddress, DependencyResult } from "./dependency.ts";
import { eventsOf, lockEnds } from "./ends.ts";
import { CLOSES, LOCK_GRAPH, refuseCircle } from "./graph.ts";
import { refuseTemplate } from "./template.ts";

const ADD = {
  name: "dependency-add",
  text: `INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind, created_by)
SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6 WHERE $5 <> 'blocks' OR NOT (${CLOSES}
  OR EXISTS (SELECT FROM tasks b WHERE b.project_id = $3 AND b.task_id = $4 AND b.is_template))
ON CONFLICT DO NOTHING RETURNING kind`,
};

/**
 * Lets a task wait for another, of its own or of another project, or notes that they have to do with each other. A trigger
 * counts what the task waits for, and tells it. A task that somebody holds stays with its holder: it is blocked once it is
 * given back.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND for either end; DEPENDENCY_CYCLE naming the circle; BAD_USER_INPUT
 */
export const addDependency = verb(
  {
    name: "addDependency",
    role: "agent",
    effect: "adds",
    scope: "projects",
    idempotent: true,
    first: LOCK_GRAPH,
    on: (ctx, input: DependencyAddress) => lockEnds(ctx, input),
  },
  async (ctx, _input: DependencyAddress, dependency): Promise<DependencyResult> => {
    const { task, dependsOn, kind } = dependency;
    const added = await ctx.db.write(ADD, [
      task.projectId,
      task.taskId,
      dependsOn.projectId,
      dependsOn.taskId,
      kind,
      makerOf(ctx.viewer),
    ]);
    if (added.length > 0) await append(ctx, ...eventsOf("task.dependency_added", dependency));
    else if (kind === "blocks") {
      await refuseTemplate(ctx, dependsOn);
      // Without a circle it was there already.
      await refuseCircle(ctx, task, dependsOn);
    }
    return { ...task, dependsOn, changed: added.length > 0 };
  },
);
