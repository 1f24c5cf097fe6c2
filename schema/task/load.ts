import { sees } from "../../src/access/visibility.ts";
import { type AttemptsQuery, listAttempts } from "../../src/tasks/attempts.ts";
import { findTasks, idOfTask } from "../../src/tasks/find.ts";
import type { TaskKey } from "../../src/tasks/locate.ts";
import { loader } from "../loader.ts";

/** The task as it is now, also when it was deleted; null when there is none. */
export const loadTask = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, keys: readonly TaskKey[]) => findTasks(db, keys),
});

export const loadAttempts = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], args: AttemptsQuery) => listAttempts(db, tasks, args),
});
