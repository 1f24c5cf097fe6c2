import { MOST_REMINDERS } from "../../src/tasks/reminders.ts";
import { builder, type InputBuilder } from "../builder.ts";

const ReminderInput = builder.inputType("ReminderInput", {
  description: "A reminder of a task's due date.",
  fields: (t) => ({
    offset: t.string({
      required: true,
      description:
        "How long before the due date, 366 days at most: 30 minutes, 1 hour, 2 days, 1 week, or in ISO 8601 PT1H, P1D. A day has 24 hours.",
    }),
  }),
});

/** How a caller gives the reminders of a task. */
export const reminderFields = (t: InputBuilder) => ({
  reminders: t.field({
    type: [ReminderInput],
    description: `All of its reminders, ${MOST_REMINDERS} at most; it must have a dueDate, with which they move. One whose time is over already is triggered at once. null or [] takes them away.`,
  }),
  reminderOffset: t.string({ description: "The offset of its one reminder, like 1 hour, instead of reminders." }),
});

/** What a caller says of offsets is said in `reminders`. */
export function withoutOffsets<Fields extends { readonly reminderOffsets: unknown }>(
  fields: Fields,
): Omit<Fields, "reminderOffsets"> {
  const { reminderOffsets: _said, ...others } = fields;
  return others;
}
