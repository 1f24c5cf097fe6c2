import { acting } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { resume } from "./pause.ts";

const DUE = {
  name: "pauses-due",
  text: `SELECT extract(epoch FROM min(paused_until) - (SELECT docket_now()))::float8 * 1000 AS "dueInMs" FROM projects`,
};

/** Milliseconds until the first pause is over; negative when one is, null when none ends by itself. */
export async function pausesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(DUE);
  return due?.dueInMs ?? null;
}

const OVER = {
  name: "pauses-over",
  text: `SELECT project_id AS "projectId" FROM projects WHERE paused_until <= (SELECT docket_now()) ORDER BY paused_until LIMIT 100`,
};

/**
 * Ends the pauses whose time is over, some at a time, each once, whoever does it; `project.resumed` tells those who wait for
 * work. Claims need no word of it.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function endPauses(ctx: Context): Promise<boolean> {
  const over = await ctx.db.read<{ projectId: string }>(OVER);
  for (const { projectId } of over)
    await acting(ctx, (inside) => resume(inside, projectId, "p.paused_until <= docket_now()"), { idempotent: true });
  return over.length > 0;
}
