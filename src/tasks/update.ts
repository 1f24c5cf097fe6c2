import { isDeepStrictEqual } from "node:util";
import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changeTask, documentOf, subject } from "./change.ts";
import { faultsOf, type Given, requireFutureDueDates, TaskChanges } from "./fields.ts";
import { lockTask, requireFence, requireVersion } from "./hold.ts";
import { locateTask, type TaskAddress, type TaskKey } from "./locate.ts";
import { columnOf } from "./task.ts";

export type UpdateTask = TaskAddress &
  Given<typeof TaskChanges> & {
    readonly expectedVersion?: number | null | undefined;
    readonly idempotencyKey?: string | null | undefined;
  };

/** Columns of type jsonb: the driver would send an array as text[]. */
const JSON_FIELDS = new Set(["inputs", "expectedOutputs", "metadata"]);

/**
 * Changes what is said of a task; its status has verbs of its own. Only what differs is written: nothing new leaves the
 * version as it is and no event.
 * @throws TASK_NOT_FOUND, LEASE_LOST (with `attempt`), VERSION_CONFLICT, BAD_USER_INPUT, FORBIDDEN
 */
export function updateTask(ctx: Context, input: UpdateTask) {
  return once(ctx, { operation: "updateTask", role: "agent", input }, async (inside): Promise<TaskKey> => {
    const task = await lockTask(inside, await locateTask(inside, input, "write"));
    requireFence(task, input.attempt);
    requireVersion(task, input.expectedVersion);
    const parsed = TaskChanges.safeParse(input);
    if (!parsed.success) throw badInput(faultsOf(parsed.error).join("; "));

    const before = await documentOf(inside, task);
    const changed = Object.entries(parsed.data).filter(
      ([field, value]) => value !== undefined && !same(before[field], value, field),
    );
    await requireFutureDueDates(
      inside,
      changed.flatMap(([field, value]) => (field === "dueDate" && value instanceof Date ? [value] : [])),
    );
    if (changed.length > 0) {
      const after = await changeTask(
        inside,
        task,
        changed.map(([field], i) => `${columnOf(field as keyof typeof parsed.data)} = $${i + 3}`).join(", "),
        changed.map(([field, value]) => (JSON_FIELDS.has(field) && value !== null ? JSON.stringify(value) : value)),
      );
      const changes = Object.fromEntries(changed.map(([field]) => [field, { old: before[field], new: after[field] }]));
      await append(inside, { type: "task.updated", ...subject(task), payload: { changes } });
    }
    return { projectId: task.projectId, taskId: task.taskId };
  });
}

/** A field of the document against a given value; the document shows enums in upper case and no list as an empty one. */
function same(old: unknown, given: unknown, field: string): boolean {
  if (given instanceof Date) return typeof old === "string" && new Date(old).getTime() === given.getTime();
  if (field === "kind") return String(given).toUpperCase() === old;
  return isDeepStrictEqual(old, given ?? (Array.isArray(old) ? [] : null));
}
