import { sees, visibleWhere } from "../src/access/visibility.ts";
import { asUuid, isStorable } from "../src/db/storable.ts";
import { notFound } from "../src/errors.ts";
import { acknowledgeReminder } from "../src/schedule/reminders/acknowledge.ts";
import {
  EARLIEST_REMINDERS,
  findReminders,
  listReminders,
  type ReminderFilter,
  type ReminderOrder,
  remindersOf,
} from "../src/schedule/reminders/list.ts";
import { REMINDER, type ReminderKey } from "../src/schedule/reminders/reminder.ts";
import { idOfTask } from "../src/tasks/find.ts";
import { MOST_REMINDERS } from "../src/tasks/reminders.ts";
import type { TaskKey } from "../src/tasks/task.ts";
import { builder } from "./builder.ts";
import { listSize } from "./cost.ts";
import { DateFilterInput, enumFilterInput, StringFilterInput } from "./filters.ts";
import { listLoader } from "./list-loader.ts";
import { loader } from "./loader.ts";
import { mutation } from "./mutation.ts";
import { shownFields } from "./noun.ts";
import { orderInput } from "./order.ts";
import { loadTask, longOf } from "./task/load.ts";
import { ReminderStatus, Task } from "./task/task.ts";

const idOf = ({ projectId, reminderId }: ReminderKey) => `${projectId}/${reminderId}`;

const Reminder = builder.prismaNode("Reminder", {
  // node(id) answers null for unknown and foreign ones, and no error.
  nullable: true,
  description:
    "A reminder of a task's due date. It moves with that; it is cancelled when the task is completed, deleted or archived, and comes back with it if its time still lies ahead.",
  id: { resolve: idOf },
  findUnique: (id, { viewer }) => {
    // What no row can hold is not found.
    const [projectId = "", reminderId = ""] = isStorable(id) ? id.split("/") : [];
    return {
      projectId_reminderId: { projectId, reminderId: asUuid(reminderId) },
      task: { deletedAt: null },
      AND: [visibleWhere(viewer)],
    };
  },
  fields: (t) => ({
    task: t.field({
      type: Task,
      nullable: true,
      description: "The task of which it reminds; null when that was deleted.",
      resolve: async (reminder, _args, ctx, info) => {
        const task = await loadTask(ctx, reminder, { long: longOf(info) });
        return task?.deletedAt === null ? task : null;
      },
    }),
  }),
});
builder.objectFields(Reminder, (t) => shownFields(t, REMINDER, { status: ReminderStatus }));

const loadReminder = loader({
  idOf,
  visible: sees,
  read: ({ db }, keys: readonly ReminderKey[]) => findReminders(db, keys),
});

const loadReminders = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[]) => remindersOf(db, tasks),
});

builder.prismaObjectField(Task, "reminders", (t) =>
  t.field({
    type: [Reminder],
    description: `Those that are set, the earliest first, ${MOST_REMINDERS} at most: of each offset the latest.`,
    // Nearly always one.
    extensions: listSize(1),
    resolve: async (task, _args, ctx) => (await loadReminders(ctx, task)) ?? [],
  }),
);

const ReminderConnection = builder.connectionObject(
  { name: "ReminderConnection", type: Reminder },
  { name: "ReminderEdge" },
);

const ReminderOrderInput = orderInput<ReminderOrder["field"]>("Reminder", {
  triggerAt: "When it is triggered.",
  createdAt: "When it was set.",
});

const ReminderStatusFilter = enumFilterInput(ReminderStatus);

const ReminderFilterInput = builder.inputRef<ReminderFilter>("ReminderFilter").implement({
  description: "Everything given must hold; what is left out allows everything.",
  fields: (t) => ({
    projects: t.idList({ description: "PROJECT_NOT_FOUND if one is unknown or outside this key." }),
    status: t.field({ type: ReminderStatusFilter, description: "How it stands." }),
    task: t.field({ type: StringFilterInput, description: "The ID of the task, like TASK-046." }),
    triggerAt: t.field({ type: DateFilterInput, description: "When it is triggered." }),
    createdAt: t.field({ type: DateFilterInput, description: "When it was set." }),
    and: t.field({ type: [ReminderFilterInput], description: "Each of these holds." }),
    or: t.field({ type: [ReminderFilterInput], description: "At least one of these holds." }),
    not: t.field({ type: ReminderFilterInput, description: "This does not hold." }),
  }),
});

const loadPage = listLoader(listReminders);

builder.queryField("reminders", (t) =>
  t.connection(
    {
      type: Reminder,
      nullable: true,
      description:
        "Reminders of a project, or of every project this key sees that is not archived, in pages of at most 100 (default 50); those that are over, too. PROJECT_NOT_FOUND",
      args: {
        projectId: t.arg.id({ description: "Of this project alone." }),
        filter: t.arg({ type: ReminderFilterInput, description: "Which reminders." }),
        orderBy: t.arg({
          type: ReminderOrderInput,
          defaultValue: EARLIEST_REMINDERS,
          description: "The earliest first, unless told.",
        }),
      },
      resolve: (_root, args, ctx) => loadPage(ctx, args),
    },
    ReminderConnection,
  ),
);

mutation(acknowledgeReminder, {
  description:
    "Says that somebody has seen a reminder that was triggered. NOT_FOUND; BAD_USER_INPUT for one that was not triggered",
  input: (t) => ({ reminderId: t.id({ required: true, description: "reminderId, from reminders or the event." }) }),
  payload: (t) => ({
    reminder: t.field({
      type: Reminder,
      description: "As it is now.",
      resolve: async (key, _args, ctx) =>
        (await loadReminder(ctx, key)) ?? Promise.reject(notFound("Reminder", key.reminderId)),
    }),
  }),
});
