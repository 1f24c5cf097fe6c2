import type { Context } from "../../access/viewer.ts";
import { badInput } from "../../errors.ts";
import type { TaskKey } from "../task.ts";

/** Nobody completes a template, so that what waited for it would wait for ever, or for nothing. */
export const waitsForTemplate = (taskId: string) =>
  `${taskId} is the template of a recurring task, which nobody completes: let it wait for one of its instances`;

/** Its instances are made from its fields alone, so that what lay below it would be done once, or never. */
export const belowTemplate = (taskId: string) =>
  `${taskId} is the template of a recurring task, and has no children: put it below one of its instances, or below what ${taskId} is a part of`;

/** @throws BAD_USER_INPUT: what is done to work is done to instances. */
export const refuseWorkOnTemplate = (taskId: string) =>
  badInput(
    `${taskId} is the template of a recurring task, on which nobody works: name one of its instances, as Task.instances lists them. pauseRecurrence stops it.`,
  );

const IS_TEMPLATE = {
  name: "task-is-template",
  text: "SELECT FROM tasks WHERE project_id = $1 AND task_id = $2 AND is_template",
};

/** @throws BAD_USER_INPUT for a task that nothing may wait for. */
export async function refuseTemplate({ db }: Context, { projectId, taskId }: TaskKey): Promise<void> {
  const found = await db.read(IS_TEMPLATE, [projectId, taskId]);
  if (found.length > 0) throw badInput(`${waitsForTemplate(taskId)}.`);
}
