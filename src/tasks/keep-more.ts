import type { Context } from "../access/viewer.ts";
import { append } from "../log/write/append.ts";
import type { Change } from "../log/write/changes.ts";
import { changeStatement, changeTask, type Ending, subject } from "./change.ts";
import { type JudgedTask, requireVersion } from "./hold.ts";

const KEEP = {
  name: "attempt-keep-more",
  text: `WITH before AS (
  SELECT notes, checkpoint FROM task_attempts WHERE project_id = $1 AND task_id = $2 AND attempt = $3
)
UPDATE task_attempts a SET notes = coalesce($4, a.notes), checkpoint = coalesce($5, a.checkpoint) FROM before b
WHERE a.project_id = $1 AND a.task_id = $2 AND a.attempt = $3
RETURNING changes_between(jsonb_build_object('notes', b.notes, 'checkpoint', b.checkpoint),
  jsonb_build_object('notes', a.notes, 'checkpoint', a.checkpoint)) AS changes`,
};

const KEEP_NOTES = changeStatement("task-keep-notes", "completion_notes = $3");

/**
 * What the holder says when it ends its attempt in the same way once more: other notes and another checkpoint are kept
 * and told, and what is only repeated leaves nothing.
 * @throws VERSION_CONFLICT
 */
export async function keepMore(
  ctx: Context,
  task: JudgedTask,
  attempt: number,
  { notes = null, checkpoint, expectedVersion }: Ending & { readonly expectedVersion?: number | null | undefined },
): Promise<void> {
  const [kept] = await ctx.db.write<{ changes: { notes?: Change; checkpoint?: Change } }>(KEEP, [
    task.projectId,
    task.taskId,
    attempt,
    notes,
    checkpoint == null ? null : JSON.stringify(checkpoint),
  ]);
  const ofAttempt = kept?.changes ?? {};
  if (ofAttempt.checkpoint)
    await append(ctx, {
      type: "task.checkpointed",
      ...subject(task),
      payload: { attempt, checkpoint, changes: { checkpoint: ofAttempt.checkpoint } },
    });
  if (!ofAttempt.notes) return;
  requireVersion(task, expectedVersion);
  // A task that was given back has no notes of its own: they are its attempt's.
  const { changes } =
    task.status === "completed"
      ? await changeTask(ctx, task, KEEP_NOTES, [notes])
      : { changes: { notes: ofAttempt.notes } };
  await append(ctx, { type: "task.updated", ...subject(task), payload: { attempt, changes } });
}
