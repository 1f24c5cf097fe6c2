import { verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { requireProjects } from "../../access/visibility.ts";
import { badInput } from "../../errors.ts";
import { sinceOf } from "../../log/read/told.ts";
import { lockGraph } from "../dependencies/graph.ts";
import { lockAllSettling } from "../lock-settling.ts";
import { type Author, doingsOf, markOf, movesTasks } from "./doings.ts";
import { type Reverted, undo } from "./undo.ts";

export interface RevertChanges {
  readonly projectId: string;
  /** The session (client id) that made them; or `actor`. */
  readonly client?: string | null | undefined;
  /** The key that made them, from whatever session; or `client`. */
  readonly actor?: string | null | undefined;
  readonly since: string;
  readonly dryRun?: boolean | null | undefined;
}

const authorOf = ({ projectId, client = null, actor = null }: RevertChanges): Author => ({ projectId, client, actor });

/**
 * Undoes what a session, or a key, did to the tasks of a project since then, by the old values that the log tells of, as
 * changes of its own. What somebody else has changed again, or holds, is named as a conflict and stays; an earlier revert of
 * the same is not somebody else. What is as it was before stays, too: asked again, it does nothing.
 * @throws FORBIDDEN, PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant or one to come, for both or none of client and
 *   actor, and for more than `MOST_REVERTED` tasks.
 */
export const revertChanges = verb(
  {
    name: "revertChanges",
    role: "admin",
    effect: "ends",
    scope: "project",
    idempotent: true,
    before: async (db, input: RevertChanges, viewer) => {
      await requireProjects({ db, viewer }, [input.projectId]);
      if ((input.client == null) === (input.actor == null))
        throw badInput("Give client (a session) or actor (a key), one of the two: the events of a task name both.");
      // The lock of the graph comes before that of any row.
      if (await movesTasks(db, authorOf(input), await sinceOf(db, input.since))) await lockGraph(db);
    },
    on: async ({ db }: Context, input: RevertChanges) => {
      const { projectId } = input;
      const asked = [authorOf(input), await sinceOf(db, input.since)] as const;
      const found = await doingsOf(db, ...asked);
      const locked = await lockAllSettling(
        db,
        found.map(({ taskId }) => ({ projectId, taskId })),
      );
      // What others did while the locks were waited for is told by now.
      return { locked, doings: await doingsOf(db, ...asked) };
    },
  },
  async (ctx, input: RevertChanges, { locked, doings }): Promise<Reverted & { readonly dryRun: boolean }> => {
    const { projectId, dryRun } = input;
    const depths = new Map(
      locked.filter((key) => key.projectId === projectId).map(({ taskId, depth }) => [taskId, depth]),
    );
    // What a dry run tells is what was done, and taken back.
    if (dryRun) await ctx.db.write("SAVEPOINT dry_run");
    const reverted = await undo({ ...ctx, mark: markOf(authorOf(input)) }, projectId, depths, doings);
    if (dryRun) await ctx.db.write("ROLLBACK TO SAVEPOINT dry_run");
    return { ...reverted, dryRun: dryRun === true };
  },
  (result) => (result.dryRun ? null : result),
);
