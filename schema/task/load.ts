import type { GraphQLResolveInfo } from "graphql";
import { sees } from "../../src/access/visibility.ts";
import { type AttemptsQuery, listAttempts } from "../../src/tasks/attempts.ts";
import { countFailedAttempts } from "../../src/tasks/failed.ts";
import { type LongField, TASK } from "../../src/tasks/fields.ts";
import { findTasks, idOfTask } from "../../src/tasks/find.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { loader } from "../loader.ts";
import { selectedBelow } from "../selection.ts";

/** The task as it is now, also when it was deleted; null when there is none. */
export const loadTask = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, keys: readonly TaskKey[], { long }: WhatOfTask) => findTasks(db, keys, long),
});

/** What of a task is read; `longOf` tells it. */
interface WhatOfTask {
  readonly long: readonly LongField[];
}

/** The long fields that are selected of the tasks which a field answers, at any depth. */
export const longOf = (info: GraphQLResolveInfo): LongField[] => selectedBelow(info, "Task", TASK.long);

export const loadAttempts = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], args: AttemptsQuery) => listAttempts(db, tasks, args),
});

export const loadFailedAttempts = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[]) => countFailedAttempts(db, tasks),
});
