import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { parameters } from "../db/parameters.ts";
import { badInput } from "../errors.ts";
import { sinceOf, told } from "../log/read/told.ts";
import { amongShown } from "../projects/shown.ts";
import { TITLE } from "./fields.ts";
import type { TaskKey } from "./task.ts";

export interface DigestQuery {
  readonly projects?: readonly string[] | null | undefined;
  readonly since: string;
}

export interface DigestedTask extends TaskKey {
  /** Its title, or how its description begins. */
  readonly title: string;
}

/** What one worker did to tasks: all sessions that go by its name. */
export interface WorkerDigest {
  readonly worker: string;
  /** Of each the latest, at most `MOST_TOLD_OF`. */
  readonly completed: readonly DigestedTask[];
  readonly failed: readonly DigestedTask[];
  readonly added: readonly DigestedTask[];
  readonly completedCount: number;
  readonly failedCount: number;
  readonly addedCount: number;
  readonly claims: number;
  readonly releases: number;
  readonly checkpoints: number;
  readonly lastAt: Date;
}

export const MOST_TOLD_OF = 20;
/** Workers of one answer. */
export const MOST_DIGESTED = 100;
/** Events that are looked at for one answer. */
export const MOST_EVENTS_OF_DIGEST = 50_000;

/** What an event tells that its worker did. */
const DID = {
  "task.created": "added",
  "task.claimed": "claimed",
  "task.completed": "completed",
  "task.released": "released",
  "task.lease_expired": "failed",
  "task.checkpointed": "noted",
} as const;

/** SQL: whose attempt an event is about, by the name that its claim gave. What an admin did in its place is the admin's. */
const WORKER = `CASE WHEN e.event_type <> 'task.created' AND NOT e.payload ? 'override' THEN coalesce(e.payload ->> 'worker',
  e.payload #>> '{changes,claimedBy,old}', (SELECT a.worker FROM task_attempts a WHERE a.project_id = e.project_id
    AND a.task_id = e.subject_id AND a.attempt = (e.payload ->> 'attempt')::int)) END`;

const COLUMNS = `e.event_type, e.project_id, e.subject_id, e.actor, e.client, e.occurred_at, ${WORKER} AS worker,
  e.payload ->> 'outcome' = 'FAILED' AS gave_up, e.payload ? 'checkpoint' AS left_checkpoint`;

const LISTED = ["completed", "failed", "added"] as const;
const latest = (did: string) =>
  `(array_agg(jsonb_build_object('projectId', project_id, 'taskId', task_id) ORDER BY place DESC)
         FILTER (WHERE did = '${did}'))[1:${MOST_TOLD_OF}] AS ${did}, count(*) FILTER (WHERE did = '${did}')::int AS "${did}Count"`;
const titled = (did: string) =>
  `coalesce((SELECT jsonb_agg(o.key || jsonb_build_object('title', ${TITLE}) ORDER BY o.place)
         FROM unnest(w.${did}) WITH ORDINALITY AS o (key, place)
         JOIN tasks t ON t.project_id = o.key ->> 'projectId' AND t.task_id = o.key ->> 'taskId'), '[]') AS ${did}, w."${did}Count"`;
const times = (did: string, name: string) => `coalesce(sum(times) FILTER (WHERE did = '${did}'), 0)::int AS ${name}`;

/**
 * Who did what since then, by the log: each worker, by name. What a session did without a claim stands under the name that
 * it claimed by, and without any claim under the name of its key.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for a bad instant, one to come, more than `MOST_DIGESTED` workers, or more than
 *   `MOST_EVENTS_OF_DIGEST` events.
 */
export async function digest(ctx: Context, { projects, since }: DigestQuery): Promise<WorkerDigest[]> {
  await requireProjects(ctx, projects ?? []);
  const { at, behind } = await sinceOf(ctx.db, since);
  const { values, bind } = parameters();
  const matching = `e.project_id = shown.project_id AND e.subject_type = 'task'
    AND e.event_type = ANY (${bind(Object.keys(DID))}::text[]) AND e.occurred_at >= ${bind(at)}`;
  const did = Object.entries(DID).map(([type, what]) => `WHEN '${type}' THEN '${what}'`);
  const rows = await ctx.db.read<WorkerDigest & { readonly happened: number }>(
    `WITH shown AS MATERIALIZED (
       SELECT p.project_id FROM projects p WHERE ${amongShown("p.project_id", ctx.viewer, projects, bind)}
     ), happened AS MATERIALIZED (
       SELECT e.* FROM shown CROSS JOIN LATERAL ${told(COLUMNS, matching, bind(behind))} LIMIT ${MOST_EVENTS_OF_DIGEST + 1}
     ), sessions AS (
       SELECT DISTINCT ON (actor, client) actor, client, worker FROM happened
       WHERE event_type = 'task.claimed' AND worker IS NOT NULL AND client IS NOT NULL ORDER BY actor, client, place DESC
     ), done AS (
       SELECT coalesce(h.worker, s.worker, substring(h.actor FROM '^dk_\\w{8}/(.+)$'), h.actor) AS worker,
         CASE WHEN h.gave_up THEN 'failed' ELSE CASE h.event_type ${did.join(" ")} END END AS did,
         h.project_id, h.subject_id AS task_id, count(*) AS times,
         count(*) FILTER (WHERE h.left_checkpoint) AS checkpoints, max(h.place) AS place, max(h.occurred_at) AS at
       FROM happened h LEFT JOIN sessions s USING (actor, client) GROUP BY 1, 2, 3, 4
     ), workers AS (
       SELECT worker, ${LISTED.map(latest).join(", ")},
         ${times("claimed", "claims")}, ${times("released", "releases")}, sum(checkpoints)::int AS checkpoints,
         max(at) AS at FROM done GROUP BY worker ORDER BY worker COLLATE "C" LIMIT ${MOST_DIGESTED + 1}
     )
     SELECT w.worker, ${LISTED.map(titled).join(", ")}, w.claims, w.releases, w.checkpoints, w.at AS "lastAt",
       (SELECT count(*)::int FROM happened) AS happened
     FROM workers w ORDER BY w.worker COLLATE "C"`,
    values,
  );
  if ((rows[0]?.happened ?? 0) > MOST_EVENTS_OF_DIGEST) throw tooMuch(`${MOST_EVENTS_OF_DIGEST} events tell of work`);
  if (rows.length > MOST_DIGESTED) throw tooMuch(`${MOST_DIGESTED} workers did something`);
  return rows;
}

const tooMuch = (what: string) => badInput(`Since then more than ${what}. Name fewer projects, or a later since.`);
