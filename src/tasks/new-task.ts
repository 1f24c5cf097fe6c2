import type { Filled, Given } from "../db/noun.ts";
import type { Task, TaskFields } from "./fields.ts";
import type { References } from "./plan/references.ts";
import type { RemindersGiven } from "./reminders.ts";
import type { TaskStatus } from "./task.ts";

/** One item of a batch, in the plain form or the sub-artifact form (artifactId, artifactType, generator, parentId). */
export type AddTaskItem = Omit<Given<TaskFields, "create">, "reminderOffsets"> &
  RemindersGiven & {
    readonly projectId?: string | null | undefined;
    readonly taskId?: string | null | undefined;
    readonly status?: TaskStatus | null | undefined;
    readonly artifactId?: string | null | undefined;
    readonly artifactType?: string | null | undefined;
    readonly generator?: string | null | undefined;
    /** The artifact this one is made from. */
    readonly parentId?: string | null | undefined;
    /** What other items call it. */
    readonly key?: string | null | undefined;
    /** The item that it is a part of. */
    readonly parentKey?: string | null | undefined;
    /** What it waits for: keys of items, or tasks that are there, like TASK-003 or web/TASK-003. */
    readonly dependsOn?: readonly string[] | null | undefined;
  };

/** An item with every default filled in; `taskId` null: to be allocated. */
export interface NewTask extends Filled<Task, TaskFields>, References {
  readonly index: number;
  readonly projectId: string;
  readonly taskId: string | null;
  readonly status: TaskStatus;
  readonly artifactId: string | null;
  readonly artifactType: string | null;
  readonly key: string | null;
}
