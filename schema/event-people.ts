import { sees } from "../src/access/visibility.ts";
import { keyNames } from "../src/keys/names.ts";
import type { LoggedEvent } from "../src/log/read/event.ts";
import { attemptWorkers } from "../src/tasks/attempts.ts";
import type { AttemptKey, TaskKey } from "../src/tasks/task.ts";
import type { GraphQLContext } from "./context.ts";
import { loader } from "./loader.ts";

/** What a key is called now. A viewer of an event sees its actor, and with it the name that the key had then. */
export const loadKeyName = loader({
  idOf: (prefix: string) => prefix,
  visible: () => true,
  read: ({ db }, prefixes) => keyNames(db, prefixes),
});

const loadWorker = loader({
  idOf: ({ projectId, taskId, attempt }: AttemptKey) => `${projectId}/${taskId}/${attempt}`,
  visible: sees,
  read: ({ db }, attempts) => attemptWorkers(db, attempts),
});

/** The task that an event is about, null when it is about none. */
export const taskOf = ({ projectId, subjectType, subjectId }: LoggedEvent): TaskKey | null =>
  subjectType === "task" && projectId !== null ? { projectId, taskId: subjectId } : null;

/** Whose attempt an event is about: it names the worker, or the attempt, or a completed task's last attempt. */
export function workerOf(event: LoggedEvent, ctx: GraphQLContext) {
  const { type, payload, position } = event;
  const {
    worker,
    attempt,
    task: completed,
  } = payload as {
    worker?: unknown;
    attempt?: unknown;
    task?: { attemptCount?: unknown };
  };
  if (typeof worker === "string") return worker;
  const known = type === "task.completed" ? completed?.attemptCount : attempt;
  const task = taskOf(event);
  if (task === null || typeof known !== "number") return null;
  return loadWorker(ctx, { ...task, attempt: known }, undefined, ctx.asOf && position);
}
