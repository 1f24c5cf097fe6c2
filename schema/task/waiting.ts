import { sees } from "../../src/access/visibility.ts";
import { freedBy, heldUpon, MOST_TOLD, type WaitingQuery } from "../../src/tasks/dependencies/waiting.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import type { FieldBuilder } from "../builder.ts";
import { listSize } from "../cost.ts";
import { loader } from "../loader.ts";
import { longOf } from "./load.ts";
import { Task } from "./task.ts";

const loadFreed = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], query: WaitingQuery) => freedBy(db, tasks, query),
});
const loadHeld = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[], query: WaitingQuery) => heldUpon(db, tasks, query),
});

/** `becameReady`, for verbs that may complete or delete a task. */
export const becameReadyField = <Parent>(t: FieldBuilder<Parent>, of: (parent: Parent) => TaskKey) =>
  t.field({
    type: [Task],
    description: `What waited for the task, as a dependent or as its parent, and is ready now that it is completed or deleted: as claims take it, at most ${MOST_TOLD}, and what this key sees.`,
    extensions: listSize(MOST_TOLD),
    resolve: async (parent, _args, ctx, info) => {
      const { projectIds } = ctx.viewer;
      return (await loadFreed(ctx, of(parent), { long: longOf(info), projectIds })) ?? [];
    },
  });

/** `heldDependents`, for verbs that may open a task again. */
export const heldDependentsField = <Parent>(t: FieldBuilder<Parent>, of: (parent: Parent) => TaskKey) =>
  t.field({
    type: [Task],
    description: `What rests on the task and is being worked on although the task is open, by whom (claimedBy) and until when: it stays with its holder. At most ${MOST_TOLD}, and what this key sees.`,
    extensions: listSize(MOST_TOLD),
    resolve: async (parent, _args, ctx, info) => {
      const { projectIds } = ctx.viewer;
      return (await loadHeld(ctx, of(parent), { long: longOf(info), projectIds })) ?? [];
    },
  });
