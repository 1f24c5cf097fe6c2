import { MOST_REVERTED } from "../../src/tasks/revert/doings.ts";
import { revertChanges } from "../../src/tasks/revert/revert.ts";
import type { RevertConflict as Conflict, RevertedTask as Reverted } from "../../src/tasks/revert/undo.ts";
import { builder } from "../builder.ts";
import { listSize } from "../cost.ts";
import { FieldChange, fieldChanges } from "../event.ts";
import { mutation } from "../mutation.ts";

const RevertedTask = builder.objectRef<Reverted>("RevertedTask").implement({
  description: "A task whose changes were undone.",
  fields: (t) => ({
    taskId: t.exposeID("taskId", { description: "Like TASK-046." }),
    changes: t.field({
      type: [FieldChange],
      description: "Each field that was undone, with the value that it had and the one that it has again.",
      extensions: listSize(0),
      resolve: ({ changes }) => fieldChanges(changes),
    }),
  }),
});

const RevertConflict = builder.objectRef<Conflict>("RevertConflict").implement({
  description: "Something that was left alone, as undoing it would undo what somebody else did.",
  fields: (t) => ({
    taskId: t.exposeID("taskId", { description: "Like TASK-046." }),
    message: t.exposeString("message", { description: "What stays, and why." }),
  }),
});

mutation(revertChanges, {
  description: `Undoes what one session, or one key, did to the tasks of a project since then, as changes of their own: created → deleted, deleted → restored, completed → reset, parked ↔ unparked, and fields get their old values. IDs, attempts, dependencies and places in the queue stay. At most ${MOST_REVERTED.toLocaleString("en")} tasks, else BAD_USER_INPUT. PROJECT_NOT_FOUND`,
  input: (t) => ({
    projectId: t.id({ required: true, description: "Of the tasks." }),
    client: t.string({ description: "The session (client id), as events name it; or actor." }),
    actor: t.string({ description: "The key, from whatever session, as events name it; or client." }),
    since: t.field({
      type: "DateTimeOrDuration",
      required: true,
      description: "What was done then or later, like -PT2H.",
    }),
    dryRun: t.boolean({ description: "Tell what would be undone, and change nothing." }),
  }),
  payload: (t) => ({
    reverted: t.expose("reverted", {
      type: [RevertedTask],
      description: "What was undone, by task.",
      extensions: listSize(MOST_REVERTED),
    }),
    conflicts: t.expose("conflicts", {
      type: [RevertConflict],
      description: "What was left alone, by task: a task may have several, and be among reverted, too.",
      extensions: listSize(MOST_REVERTED),
    }),
  }),
});
