import type { Context } from "../../access/viewer.ts";
import type { EventType } from "../../event-types.ts";
import { append } from "../../log/write/append.ts";
import { changeStatement, changeTask, documentOf, subject } from "../change.ts";
import type { ManyChange } from "../change-many.ts";
import type { JudgedTask } from "../hold.ts";
import type { TaskKey } from "../task.ts";
import { taskVerb } from "../task-verb.ts";
import { keptRecurrence } from "./require.ts";

/** Nobody holds a template: it is named with its project, and no attempt. */
export interface RecurringTask extends TaskKey {
  readonly expectedVersion?: number | null | undefined;
}

const judgement = { role: "agent", effect: "changes", idempotent: true, held: "fence", templates: true } as const;

/** The same of many. */
export const PAUSING: ManyChange = {
  type: "task.recurrence_paused",
  fields: ["recurrencePausedAt"],
  values: {},
  computed: () => "jsonb_build_object('recurrence_paused_at', coalesce(r.recurrence_paused_at, docket_now()))",
};
export const RESUMING: ManyChange = {
  type: "task.recurrence_resumed",
  fields: ["recurrencePausedAt"],
  values: { recurrence_paused_at: null },
};

const PAUSED = changeStatement("recurrence-pause", "recurrence_paused_at = docket_now()");
const RESUMED = changeStatement("recurrence-resume", "recurrence_paused_at = NULL");

/**
 * Stops making instances of a recurring task until it is resumed; those that are there stay. Paused again it stays as it is.
 * @throws TASK_NOT_FOUND, PROJECT_NOT_FOUND, VERSION_CONFLICT, FORBIDDEN; BAD_USER_INPUT for a task that does not recur.
 */
export const pauseRecurrence = taskVerb(
  { ...judgement, name: "pauseRecurrence" },
  async (ctx, _input: RecurringTask, task): Promise<TaskKey> => change(ctx, task, "task.recurrence_paused"),
);

/**
 * Goes on making instances of a recurring task, of what is due from now on: what was due meanwhile is left out. One that is
 * not paused stays as it is.
 * @throws as pauseRecurrence
 */
export const resumeRecurrence = taskVerb(
  { ...judgement, name: "resumeRecurrence" },
  async (ctx, _input: RecurringTask, task): Promise<TaskKey> => change(ctx, task, "task.recurrence_resumed"),
);

async function change(
  ctx: Context,
  task: JudgedTask,
  type: Extract<EventType, "task.recurrence_paused" | "task.recurrence_resumed">,
): Promise<TaskKey> {
  const { projectId, taskId } = task;
  await keptRecurrence(ctx, task);
  const pauses = type === "task.recurrence_paused";
  const before = await documentOf(ctx, task);
  if ((before["recurrencePausedAt"] === null) === pauses) {
    const { changes } = await changeTask(ctx, task, pauses ? PAUSED : RESUMED);
    await append(ctx, { type, ...subject(task), payload: { changes } });
  }
  return { projectId, taskId };
}
