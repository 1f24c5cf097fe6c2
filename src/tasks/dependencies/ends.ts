import type { Context } from "../../access/viewer.ts";
import { badInput } from "../../errors.ts";
import type { NewEvent } from "../../log/write/append.ts";
import { subject } from "../change.ts";
import { idOfTask } from "../find.ts";
import { locateTask, refuseMissing } from "../locate.ts";
import { lockTasks } from "../lock.ts";
import type { Dependency, DependencyAddress } from "./dependency.ts";

/**
 * Both ends of a dependency, visible and locked, in the order of their keys like whatever locks several tasks.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND; BAD_USER_INPUT for a task and itself.
 */
export async function lockEnds(
  ctx: Context,
  { projectId, taskId, dependsOn: other, kind }: DependencyAddress,
): Promise<Dependency> {
  const task = await locateTask(ctx, { projectId, taskId }, "write");
  const dependsOn = await locateTask(ctx, { projectId: other.projectId ?? projectId, taskId: other.taskId }, "read");
  if (idOfTask(task) === idOfTask(dependsOn)) throw badInput(`${task.taskId} cannot depend on itself.`);
  const locked = new Set((await lockTasks(ctx.db, [task, dependsOn])).map(idOfTask));
  for (const end of [task, dependsOn]) if (!locked.has(idOfTask(end))) await refuseMissing(ctx, end);
  return { task, dependsOn, kind: kind ?? "blocks" };
}

/**
 * What the log tells of a dependency: to the project of the task, and to that of the other end, where it is another one.
 * Neither is told the name of what lies in the other project: its readers may not see that.
 */
export function eventsOf(
  type: "task.dependency_added" | "task.dependency_removed",
  { task, dependsOn, kind }: Dependency,
): NewEvent[] {
  const payload = { kind: kind.toUpperCase() };
  if (task.projectId === dependsOn.projectId)
    return [{ type, ...subject(task), payload: { ...payload, taskId: task.taskId, dependsOn: dependsOn.taskId } }];
  return [
    { type, ...subject(task), payload: { ...payload, taskId: task.taskId, dependsOn: null } },
    { type, ...subject(dependsOn), payload: { ...payload, taskId: null, dependsOn: dependsOn.taskId } },
  ];
}
