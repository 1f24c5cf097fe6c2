import { whetherEach } from "./whether-each.ts";

/** SQL of `tasks t`: whether it is open, and its due date has passed. */
export const IS_OVERDUE =
  "(t.status <> 'completed' AND NOT t.is_template AND coalesce(t.due_date <= (SELECT docket_now()), false))";

/** Of each task, whether it is overdue. */
export const areOverdue = whetherEach("tasks-are-overdue", IS_OVERDUE);
