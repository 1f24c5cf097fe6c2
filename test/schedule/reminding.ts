import { SERVER } from "../../src/access/viewer.ts";
import { triggerReminders } from "../../src/schedule/reminders/trigger.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

export const HOUR = 3_600;
export const DAY = 86_400;
export const first = { projectId: "alpha", taskId: "TASK-001" };

/** An instant so many seconds from the database's now. */
export async function ahead({ owner }: VerbTest, seconds: number): Promise<Date> {
  const { rows } = await owner.query<{ at: Date }>("SELECT docket_now() + make_interval(secs => $1) AS at", [seconds]);
  return rows[0]?.at ?? new Date(0);
}

/** TASK-001 of alpha, due in two days. */
export async function due(reminders: readonly string[], more: object = {}) {
  const t = await verbTest();
  await seedTasks(t, "alpha", 0);
  const dueDate = await ahead(t, 2 * DAY);
  await addTasks(t.as(), {
    projectId: "alpha",
    tasks: [{ description: "a", dueDate, reminders: reminders.map((offset) => ({ offset })), ...more }],
  });
  const schedule = async () => {
    const { rows } = await t.owner.query(
      `SELECT r.reminder_offset || ' ' || r.status AS reminder FROM reminder_schedule r
       ORDER BY r.trigger_at, r.created_at, r.reminder_offset`,
    );
    return rows.map(({ reminder }) => reminder);
  };
  const next = async () => {
    const { rows } = await t.owner.query("SELECT reminder_offset, reminder_status FROM tasks");
    return [rows[0]?.reminder_offset, rows[0]?.reminder_status];
  };
  const trigger = () => triggerReminders(t.as(SERVER));
  const told = async () => (await t.events()).filter(({ type }) => type === "task.reminder.triggered");
  return { t, dueDate, schedule, next, trigger, told };
}

export const setDue = async ({ t }: { readonly t: VerbTest }, seconds: number) =>
  updateTask(t.as(), { ...first, dueDate: await ahead(t, seconds) });
export const complete = async (t: VerbTest) => {
  await updateTaskStatus(t.as(), { ...first, status: "in_progress" });
  await updateTaskStatus(t.as(), { ...first, status: "completed" });
};
export const reset = (t: VerbTest) => updateTaskStatus(t.as(), { ...first, status: "pending", reset: true });
