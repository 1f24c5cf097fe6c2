import { verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { requireReason } from "../db/text-checks.ts";
import { badInput } from "../errors.ts";
import { append } from "../log/write/append.ts";
import type { Changes } from "../log/write/changes.ts";
import { type ChangeProject, holdStill, lockProject } from "./lock.ts";

export interface PauseProject extends ChangeProject {
  readonly reason?: string | null | undefined;
  /** When it ends by itself; without it somebody has to resume the project. */
  readonly until?: Date | null | undefined;
}

/**
 * Lets a project hand out no work until it is resumed or the time is over; what is held goes on. Of a project that is paused
 * it changes the reason and the time; with the same ones it changes nothing.
 * @throws FORBIDDEN, PROJECT_NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT
 */
export const pauseProject = verb(
  {
    name: "pauseProject",
    role: "admin",
    effect: "changes",
    scope: "project",
    idempotent: true,
    before: holdStill,
    on: lockProject,
  },
  async (ctx, { projectId, reason = null, until = null }: PauseProject) => {
    if (reason !== null) requireReason(reason, "; leave it out.");
    await requireFuture(ctx, until);
    const changes = await changePause(
      ctx,
      projectId,
      `paused_at = CASE WHEN is_paused(p.paused_at, p.paused_until) THEN p.paused_at ELSE docket_now() END,
        pause_reason = $2, paused_until = $3`,
      `NOT is_paused(p.paused_at, p.paused_until) OR (p.pause_reason, p.paused_until) IS DISTINCT FROM ($2::text, $3::timestamptz)`,
      [reason, until],
    );
    if (changes)
      await append(ctx, { type: "project.paused", ...subject(projectId), payload: { reason, until, changes } });
    return { projectId };
  },
);

/** Lets a paused project hand out work again. Of one that is not paused it changes nothing. @throws as pauseProject */
export const resumeProject = verb(
  { name: "resumeProject", role: "admin", effect: "changes", scope: "project", idempotent: true, on: lockProject },
  async (ctx, { projectId }: ChangeProject) => {
    await resume(ctx, projectId, "p.paused_at IS NOT NULL");
    return { projectId };
  },
);

/** Ends the pause of a project, if this SQL says so of `projects p`. */
export async function resume(ctx: Context, projectId: string, condition: string): Promise<void> {
  const changes = await changePause(
    ctx,
    projectId,
    "paused_at = NULL, pause_reason = NULL, paused_until = NULL",
    condition,
    [],
  );
  if (changes) await append(ctx, { type: "project.resumed", ...subject(projectId), payload: { changes } });
}

const PAUSE = (alias: string) =>
  `jsonb_build_object('pausedAt', ${alias}.paused_at, 'pauseReason', ${alias}.pause_reason, 'pausedUntil', ${alias}.paused_until)`;

/** Changes it where the condition on `projects p` holds. @returns what changed; undefined where it did not hold. */
async function changePause(
  { db }: Context,
  projectId: string,
  assignments: string,
  condition: string,
  values: readonly unknown[],
): Promise<Changes | undefined> {
  const [changed] = await db.write<{ changes: Changes }>(
    `WITH before AS (SELECT project_id, ${PAUSE("p")} AS document FROM projects p WHERE project_id = $1 FOR NO KEY UPDATE)
     UPDATE projects p SET ${assignments}, version = version + 1 FROM before
     WHERE p.project_id = before.project_id AND (${condition})
     RETURNING changes_between(before.document, ${PAUSE("p")}) AS changes`,
    [projectId, ...values],
  );
  return changed?.changes;
}

const subject = (projectId: string) => ({ projectId, subjectType: "project", subjectId: projectId }) as const;

async function requireFuture({ db }: Context, until: Date | null): Promise<void> {
  if (until === null) return;
  const [judged] = await db.read<{ future: boolean }>("SELECT $1::timestamptz > docket_now() AS future", [until]);
  if (!judged?.future)
    throw badInput("until must be in the future; leave it out to pause the project until resumeProject.");
}
