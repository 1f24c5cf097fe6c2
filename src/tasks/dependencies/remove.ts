import { verb } from "../../access/verb.ts";
import { append } from "../../log/write/append.ts";
import type { DependencyAddress, DependencyResult } from "./dependency.ts";
import { eventsOf, lockEnds } from "./ends.ts";

const REMOVE = {
  name: "dependency-remove",
  text: `DELETE FROM task_dependencies WHERE project_id = $1 AND task_id = $2 AND depends_on_project_id = $3
  AND depends_on_task_id = $4 AND kind = $5 RETURNING kind`,
};

/**
 * Takes back what addDependency did; where there is no such dependency, nothing is changed.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND for either end; BAD_USER_INPUT
 */
export const removeDependency = verb(
  {
    name: "removeDependency",
    role: "agent",
    effect: "ends",
    scope: "projects",
    idempotent: true,
    on: (ctx, input: DependencyAddress) => lockEnds(ctx, input),
  },
  async (ctx, _input: DependencyAddress, dependency): Promise<DependencyResult> => {
    const { task, dependsOn, kind } = dependency;
    const removed = await ctx.db.write(REMOVE, [
      task.projectId,
      task.taskId,
      dependsOn.projectId,
      dependsOn.taskId,
      kind,
    ]);
    if (removed.length > 0) await append(ctx, ...eventsOf("task.dependency_removed", dependency));
    return { ...task, dependsOn, changed: removed.length > 0 };
  },
);
