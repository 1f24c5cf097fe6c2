import type { Reminder } from "../../../prisma/generated/client/client.ts";
import { type FieldsOf, noun } from "../../db/noun.ts";
import { REMINDER_STATUSES } from "../../tasks/task.ts";

export type { Reminder };

const OF_REMINDER = {
  projectId: { set: "server", shown: "ID", description: "The project of the task." },
  reminderId: {
    set: "server",
    shown: "ID",
    description: "Names it among all reminders; acknowledgeReminder takes it.",
  },
  taskId: { set: "server", shown: "ID", description: "The task of which it reminds." },
  userId: { set: "server", description: "The key that set it." },
  triggerAt: { set: "server", description: "When it is triggered: its offset before the task's due date." },
  reminderType: { set: "server", description: "due_date_reminder." },
  offset: {
    set: "server",
    column: "reminder_offset",
    description: "How long before the due date, as it was given, like 1 hour or PT1H.",
  },
  offsetSeconds: { set: "server", description: "The same in seconds." },
  status: { set: "server", choice: REMINDER_STATUSES, description: "How it stands." },
  createdAt: { set: "server", description: "When it was set." },
  updatedAt: { set: "server", description: "When it was last moved, or came to another status." },
} as const satisfies FieldsOf<Reminder>;

/** In statements the table is `r`. */
export const REMINDER = noun("Reminder", "r", OF_REMINDER);

/** The key of a reminder. */
export interface ReminderKey {
  readonly projectId: string;
  readonly reminderId: string;
}
