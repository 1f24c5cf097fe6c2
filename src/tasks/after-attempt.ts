/** What the end of an attempt changes of its task, beside its status: how many failed in a row, and when it is ready again. */
export const AFTER_ATTEMPT = ["failures", "readyAt"] as const;

/** What parking changes of a task, at the end of an attempt or by hand; `task.parked` and `task.unparked` tell of it. */
export const PARKING = ["parkedAt", "parkedReason"] as const;

/**
 * What the end of an attempt makes of its task. The SQL function `after_attempt` is the one rule; every statement that
 * ends an attempt asks it.
 * For the SET list of a statement that updates `tasks t`.
 * @param how SQL: the outcome, and further arguments of the function.
 */
export const afterAttempt = (...how: string[]) =>
  `(failures, ready_at, parked_at, parked_reason) =
    (SELECT a.failures, a.ready_at, a.parked_at, a.parked_reason FROM after_attempt(t, ${how.join(", ")}) a)`;
