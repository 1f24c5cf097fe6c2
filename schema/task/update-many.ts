import { MOST_TASKS } from "../../src/tasks/changeable.ts";
import type { SetOfTasks } from "../../src/tasks/set-of-tasks.ts";
import { updateTasks } from "../../src/tasks/update-many.ts";
import { builder } from "../builder.ts";
import { listSize } from "../cost.ts";
import { mutation } from "../mutation.ts";
import { TaskFilterInput } from "./filter.ts";
import { answeredTask } from "./payload.ts";
import { Task } from "./task.ts";

const ParkInput = builder.inputRef<NonNullable<SetOfTasks["park"]>>("ParkInput").implement({
  description: "How tasks are parked.",
  fields: (t) => ({
    reason: t.string({ required: true, description: "What somebody has to decide, at most 500 characters." }),
  }),
});

const SetOfTasksInput = builder.inputRef<SetOfTasks>("SetOfTasks").implement({
  description: "What tasks are to be: fields, or else one of park, unpark and delete, each in a call of its own.",
  fields: (t) => ({
    priority: t.int({ description: "0 highest … 4 lowest." }),
    labels: t.stringList({ description: "Instead of those that they bear, at most 50 of 100 characters." }),
    addLabels: t.stringList({ description: "Beside those that they bear; 50 at most together." }),
    removeLabels: t.stringList({ description: "Where they bear them." }),
    assignedTo: t.string({ description: "The name of the one worker that may claim them; null: any." }),
    dueDate: t.field({ type: "DateTime", description: "When they should be done, in the future; null: no time." }),
    park: t.field({ type: ParkInput, description: "Keep them from being claimed, as parkTask; open tasks only." }),
    unpark: t.boolean({ description: "true: let them be claimed again, at once, as unparkTask." }),
    delete: t.boolean({
      description:
        "true: take them off every list, as deleteTask. Those that others hold are an admin's to delete, and open children go along only where the filter finds them.",
    }),
  }),
});

mutation(updateTasks, {
  description: `Changes all tasks that a filter finds, at most ${MOST_TASKS}, all or none, each with an event of its own. Ask with dryRun first. BAD_USER_INPUT for more tasks, for a filter that names no projects, and where some refuse the change: extensions refused names the first ten with code and message. PROJECT_NOT_FOUND`,
  input: (t) => ({
    filter: t.field({
      type: TaskFilterInput,
      required: true,
      description:
        'Which tasks, as of Query.tasks. It has to say something: all of a project are {projects: ["web-shop"]}.',
    }),
    set: t.field({ type: SetOfTasksInput, required: true, description: "What they are to be." }),
    dryRun: t.boolean({ description: "true: answer the same, and change nothing." }),
  }),
  payload: (t) => ({
    count: t.int({
      description: "How many tasks were changed, or would be: what is so already does not count.",
      resolve: ({ tasks }) => tasks.length,
    }),
    matched: t.exposeInt("matched", { description: "How many tasks the filter found." }),
    tasks: t.field({
      type: [Task],
      description: "Those that were changed, or would be, as they are now.",
      extensions: listSize(MOST_TASKS),
      resolve: ({ tasks }, _args, ctx, info) => Promise.all(tasks.map((key) => answeredTask(key, ctx, info))),
    }),
  }),
});
