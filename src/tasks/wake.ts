import { caller } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { leaveEvents } from "../log/write/append.ts";
import { keyAnd, TASK } from "./fields.ts";
import { MATURED, WAITING } from "./ready.ts";

export const WAKE_DUE = {
  name: "task-wake-due",
  text: `SELECT extract(epoch FROM min(t.ready_at) - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"
FROM tasks t WHERE ${WAITING}`,
};

/** Milliseconds until the first task that waits for its time has it; negative when one has, null when none waits. */
export async function wakesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(WAKE_DUE);
  return due?.dueInMs ?? null;
}

/** Told of in one statement; a claim, which skips what is locked, finds its task again a moment later. */
const BATCH = 100;
const TIME = ["readyAt"] as const;

/** SKIP LOCKED: whoever holds the row is another process that does the same, a claim that takes the task, or a change. */
export const WAKE = {
  name: "task-wake",
  text: `WITH ${caller("$1", "$2", "$3")}, due AS (
  SELECT ${keyAnd(TIME)} FROM tasks t WHERE ${MATURED} ORDER BY t.ready_at LIMIT ${BATCH} FOR NO KEY UPDATE SKIP LOCKED
), woken AS (
  UPDATE tasks t SET ready_at = NULL FROM caller CROSS JOIN due d
  WHERE t.project_id = d.project_id AND t.task_id = d.task_id
  RETURNING t.project_id, t.task_id, d.ready_at, changes_between(${TASK.document("d", TIME)}, ${TASK.document("t", TIME)}) AS changes
)
${leaveEvents(`SELECT ROW(w.ready_at, w.project_id, w.task_id) AS place, 'task.updated' AS type, w.project_id,
    'task' AS subject_type, w.task_id AS subject_id, jsonb_build_object('changes', w.changes) AS payload FROM woken w`)} RETURNING subject_id`,
};

/**
 * Tells of tasks whose time has come, some at a time, so that whoever waits for work hears of it. They are ready by then,
 * whether it was told or not; and as nobody changed anything, their version stays.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function wakeTasks({ db, viewer, correlationId }: Context): Promise<boolean> {
  const told = await db.write(WAKE, [viewer.actor, viewer.client, correlationId], { idempotent: true });
  return told.length > 0;
}
