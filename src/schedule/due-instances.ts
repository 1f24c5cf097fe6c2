import { acting } from "../access/act-as.ts";
import type { Context } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import { faultOf, isConnectionLost } from "../db/faults.ts";
import { lockLane, lockSequences } from "../ids/lane.ts";
import { notArchived } from "../projects/open.ts";
import { keyColumns } from "../tasks/keys.ts";
import { carryOut, INSTANCE_IDS } from "../tasks/recurrence/make-instances.ts";
import { type Plan, planned } from "../tasks/recurrence/plan.ts";
import { OF_TEMPLATES, TEMPLATE, type TemplateRow, templateOf } from "../tasks/recurrence/template.ts";
import { isoDate } from "./recurrence/calendar.ts";
import { ZONE_DATA } from "./recurrence/instant.ts";
import { PatternFault } from "./recurrence/pattern-fault.ts";

/** What somebody has to look at, at its time. Work is made for no project that is archived. */
const LOOKED_AT = `r.next_at IS NOT NULL AND ${notArchived("r.project_id")}`;

const INSTANCES_DUE = {
  name: "instances-due",
  text: `SELECT extract(epoch FROM (SELECT r.next_at FROM recurrences r WHERE ${LOOKED_AT} ORDER BY r.next_at LIMIT 1)
  - (SELECT docket_now()))::float8 * 1000 AS "dueInMs"`,
};

/** Milliseconds until the next instance is to be made; negative when that is late, null when nothing recurs. */
export async function instancesDueInMs(db: Db): Promise<number | null> {
  const [due] = await db.read<{ dueInMs: number | null }>(INSTANCES_DUE);
  return due?.dueInMs ?? null;
}

/** Few enough that claims and reservations, which wait for the same sequences, wait for a moment only. */
const BATCH = 100;

const DUE = {
  name: "recurrences-due",
  text: `SELECT ${TEMPLATE}, docket_now() AS now FROM ${OF_TEMPLATES}
WHERE ${LOOKED_AT} AND r.next_at <= (SELECT docket_now()) ORDER BY r.next_at, r.project_id, r.task_id LIMIT ${BATCH}`,
};

/**
 * Makes the instances whose time has come, some at a time, each once, whoever does it: what is to be made is reckoned first,
 * and done where nothing of it has changed since.
 * @returns whether there is more, as the milliseconds for which others come first: as long as this took.
 * @throws DATABASE_UNAVAILABLE
 */
export async function makeDueInstances(ctx: Context): Promise<number | false> {
  const began = performance.now();
  const due = await ctx.db.read<TemplateRow & { readonly now: Date }>(DUE);
  if (due.length === 0) return false;
  const plans: Plan[] = [];
  for (const { now, ...row } of due) {
    const plan = await planOrSetAside(ctx, row, now);
    if (plan) plans.push(plan);
    // One template may have missed many occurrences: others have their turn between.
    if (plans.reduce((sum, { made }) => sum + made.length, 0) >= BATCH) break;
  }
  const isDone = plans.length === 0 || (await togetherOrEach(ctx, plans));
  return isDone && performance.now() - began;
}

/** The date from which it goes on is kept: of what was changed, `next_at` alone would say since when. */
const SET_ASIDE = {
  name: "recurrence-set-aside",
  text: `UPDATE recurrences SET next_at = docket_now() + make_interval(secs => $4), next_on = coalesce(next_on, $5)
WHERE project_id = $1 AND task_id = $2 AND xmin::text = $3`,
};
/** How long what cannot be made is left alone, in seconds. */
const LEFT_ALONE_SECONDS = 600;
/** The same where the moment was to blame: locks, time, room. */
const SHORTLY_SECONDS = 5;

/** null: plain SQL wrote what cannot be read. It is looked at again when it is changed. */
async function planOrSetAside({ db }: Context, row: TemplateRow, now: Date): Promise<Plan | null> {
  try {
    return planned(templateOf(row), now);
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error;
    await db.write(SET_ASIDE, [row.projectId, row.taskId, row.mark, null, null], { idempotent: true });
    return null;
  }
}

/** What one cannot have (its project has no IDs left, or was archived just now) does not keep the others waiting. */
async function togetherOrEach(ctx: Context, plans: readonly Plan[]): Promise<boolean> {
  try {
    return await together(ctx, plans);
  } catch (error) {
    if (isConnectionLost(error)) throw error;
    for (const plan of plans)
      await together(ctx, [plan]).catch(async (fault: unknown) => {
        if (isConnectionLost(fault)) throw fault;
        const { projectId, taskId, mark } = plan.template;
        const seconds = faultOf(fault) === undefined ? LEFT_ALONE_SECONDS : SHORTLY_SECONDS;
        const from = plan.from && isoDate(plan.from);
        await ctx.db.write(SET_ASIDE, [projectId, taskId, mark, seconds, from], { idempotent: true });
      });
    return true;
  }
}

/** The lock behind which one process at a time sweeps: any number that no other lock of the database has. */
export const SWEEP_LOCK = 7_013_914;
const TRY = { name: "recurrences-try", text: `SELECT pg_try_advisory_xact_lock(${SWEEP_LOCK}) AS mine` };

/** The templates, what they are parts of and what they wait for: in the order of whatever locks several tasks. */
const LOCK_TASKS = {
  name: "recurrences-lock-tasks",
  text: `WITH wanted (project_id, task_id) AS (SELECT * FROM unnest($1::varchar[], $2::varchar[]))
SELECT FROM tasks t WHERE (t.project_id, t.task_id) IN (
  SELECT w.project_id, w.task_id FROM wanted w
  UNION SELECT t.project_id, t.parent_task_id FROM wanted w JOIN tasks t USING (project_id, task_id)
    WHERE t.parent_task_id IS NOT NULL
  UNION SELECT d.depends_on_project_id, d.depends_on_task_id FROM wanted w JOIN task_dependencies d USING (project_id, task_id)
) ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE`,
};

const LOCK_STILL_SO = {
  name: "recurrences-lock-still-so",
  text: `SELECT r.project_id || '/' || r.task_id || '/' || r.xmin::text AS state FROM recurrences r
JOIN unnest($1::varchar[], $2::varchar[], $3::text[]) AS was (project_id, task_id, mark) USING (project_id, task_id)
WHERE r.xmin::text = was.mark FOR UPDATE OF r SKIP LOCKED`,
};

/** @returns false while another process is at it. */
const together = (ctx: Context, plans: readonly Plan[]): Promise<boolean> =>
  acting(
    ctx,
    async (inside) => {
      const { db } = inside;
      const [tried] = await db.write<{ mine: boolean }>(TRY);
      if (!tried?.mine) return false;
      const templates = plans.map(({ template }) => template);
      await lockLane(db);
      await lockSequences(
        db,
        templates.map(({ projectId }) => ({ projectId, artifactType: INSTANCE_IDS })),
      );
      await db.write(LOCK_TASKS, keyColumns(templates));
      const rows = await db.write<{ state: string }>(LOCK_STILL_SO, [
        ...keyColumns(templates),
        templates.map(({ mark }) => mark),
      ]);
      const still = new Set(rows.map(({ state }) => state));
      await carryOut(
        inside,
        plans.filter(({ template: { projectId, taskId, mark } }) => still.has(`${projectId}/${taskId}/${mark}`)),
      );
      return true;
    },
    { idempotent: true },
  );

const LOOK_AGAIN = {
  name: "recurrences-look-again",
  text: "UPDATE recurrences SET next_at = docket_now() WHERE next_at > docket_now() AND tz_version < $1",
};

/** Lets instants be reckoned again that follow from older zone data than this process has; the dates stay. */
export async function lookAgainByNewerZones(db: Db): Promise<void> {
  await db.write(LOOK_AGAIN, [ZONE_DATA], { idempotent: true });
}
