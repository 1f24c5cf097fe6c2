import type { GraphQLResolveInfo } from "graphql";
import { sees } from "../../src/access/visibility.ts";
import { type AttemptsQuery, listAttempts } from "../../src/tasks/attempts.ts";
import { briefings } from "../../src/tasks/briefing.ts";
import { capabilities } from "../../src/tasks/capability.ts";
import { countFailedAttempts } from "../../src/tasks/failed.ts";
import { type LongField, TASK } from "../../src/tasks/fields.ts";
import { findTasks, idOfTask } from "../../src/tasks/find.ts";
import type { AttemptKey, TaskKey } from "../../src/tasks/task.ts";
import { usageOfAttempts } from "../../src/tasks/usage/sums.ts";
import { loader } from "../loader.ts";
import { cursorsBelow, selectedBelow } from "../selection.ts";

/** What earlier attempts leave to the one that was just opened. */
export const loadBriefing = loader({
  idOf: ({ attempt, ...key }: AttemptKey) => `${idOfTask(key)}/${attempt}`,
  visible: sees,
  read: ({ db }, attempts) => briefings(db, attempts),
});

/** The attempt as its holder is given it: only of one that the caller has just opened, or proved to hold. */
export const loadCapability = loader({
  idOf: ({ attempt, ...key }: AttemptKey) => `${idOfTask(key)}/${attempt}`,
  visible: sees,
  read: (from, attempts) => capabilities(from, attempts),
});

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

/** What is selected of the tasks in the page that a field answers, and whether their cursors are. */
export const listedOf = (info: GraphQLResolveInfo) => ({
  fields: selectedBelow(info, "Task", TASK.names),
  cursors: cursorsBelow(info),
});

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

/** What an attempt used; null where nothing was said of it. */
export const loadUsage = loader({
  idOf: ({ attempt, ...key }: AttemptKey) => `${idOfTask(key)}/${attempt}`,
  visible: sees,
  read: ({ db }, attempts: readonly AttemptKey[]) => usageOfAttempts(db, attempts),
});
