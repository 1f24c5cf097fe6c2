import { PROJECT_AT_LIMIT, placesTaken, WORKER_AT_LIMIT } from "./limits.ts";
import { either, forClaim, IS_LIMITED, IS_STOPPED, MOST_CLAIMS, noneKept, ONLY_WORKER, UNASKED } from "./ready.ts";
import { TAKEN } from "./take.ts";
import { passing, readyOnes, type WantedSql } from "./wanted.ts";

interface Asked extends WantedSql {
  readonly projects: string;
  /** SQL: how many of the first tasks. */
  readonly most: string;
}

/** SQL: whether `tasks t` is for the claim, and passes its filters. */
const wanted = (asked: Asked) => `${forClaim(`${asked.worker}::text`, asked.skills)} AND ${passing(asked)}`;

/**
 * Common table expressions, of which `heads` has the first ready tasks among several projects, each with its `rank`: by
 * priority, then those of the project with the fewest tasks in progress, then by place in the queue. The more of a project
 * come before, the more will be in progress: so ranked, many claims at once spread as one after another would. What needs
 * a place that the project or the worker does not have is left out.
 */
function headsOf(asked: Asked): string {
  const place = `(o.place OR NOT ${UNASKED})`;
  const places = { pending: place, matured: place, expired: `(o.place_of_worker OR t.claimed_by = ${asked.worker})` };
  const firsts = Object.entries(readyOnes(asked)).map(
    ([name, condition]) => `(SELECT * FROM (
        SELECT t.project_id, t.task_id, t.priority, t.queue_position FROM tasks t
        WHERE t.project_id = o.project_id AND ${condition} AND ${wanted(asked)} AND ${places[name as keyof typeof places]}
        ORDER BY t.priority, t.queue_position LIMIT ${MOST_CLAIMS}) first LIMIT ${asked.most})`,
  );
  return `open AS MATERIALIZED (
  SELECT p.project_id, taken.of_all, NOT (${PROJECT_AT_LIMIT} OR ${WORKER_AT_LIMIT}) AS place, NOT ${WORKER_AT_LIMIT} AS place_of_worker
  FROM projects p CROSS JOIN LATERAL ${placesTaken(asked.worker)} taken
  WHERE p.project_id = ANY (${asked.projects}::text[]) AND p.archived_at IS NULL AND NOT ${IS_STOPPED} AND ${asked.most} > 0
), heads AS MATERIALIZED (
  SELECT h.project_id, h.task_id, row_number() OVER (ORDER BY h.priority, o.of_all + h.nth, h.queue_position) AS rank
  FROM open o CROSS JOIN LATERAL (
    SELECT c.*, row_number() OVER (ORDER BY c.priority, c.queue_position) AS nth
    FROM (${firsts.join(" UNION ALL ")}) c ORDER BY c.priority, c.queue_position LIMIT ${asked.most}
  ) h
)`;
}

/** Of one who looks: $1 the projects, $2 the worker, then `wantedValues`. */
const LOOKING: Asked = {
  ...{ projects: "$1", worker: "$2", skills: "$3", labels: "$4", kinds: "$5", maxEstimate: "$6" },
  most: "1",
};

/** Common table expressions, of which `picked` is the first ready task. */
export const FIRST_AMONG = `${headsOf(LOOKING)}, picked AS (
  SELECT project_id, task_id FROM heads ORDER BY rank LIMIT 1
)`;

/** What others lock meanwhile is passed over for those behind it. */
const SPARE = 8;

/** Of claims: $1 the projects, $9–$12 `wantedValues`, $13 whether this transaction holds the places of limited projects. */
const TAKING: Asked = {
  ...{ projects: "$1", worker: ONLY_WORKER, skills: "$9", labels: "$10", kinds: "$11", maxEstimate: "$12" },
  most: `(SELECT count(*) + CASE WHEN count(*) > 0 THEN ${SPARE} ELSE 0 END FROM asking)`,
};

/**
 * The same as `TAKE_READY`, among several projects, of what is wanted, and within limits: there only one claim at a time,
 * once it holds the places. Nothing is taken where one of the projects is missing.
 */
export const TAKE_AMONG = `asking AS MATERIALIZED (
  SELECT c.*, row_number() OVER (ORDER BY c.place) AS turn FROM claims c
  WHERE (SELECT count(*) = cardinality($1::text[]) AND ($13::boolean OR NOT bool_or(${IS_LIMITED} AND p.archived_at IS NULL AND NOT ${IS_STOPPED}))
      FROM projects p WHERE p.project_id = ANY ($1::text[]))
    AND ${noneKept("t.project_id = ANY ($1::text[])", either(readyOnes(TAKING)))}
), ${headsOf(TAKING)}, ready AS MATERIALIZED (
  SELECT *, row_number() OVER (ORDER BY rank) AS turn FROM (
    SELECT ${TAKEN}, h.rank FROM heads h JOIN tasks t ON t.project_id = h.project_id AND t.task_id = h.task_id
    WHERE ${either(readyOnes(TAKING))} AND ${wanted(TAKING)}
    ORDER BY h.rank LIMIT (SELECT count(*) FROM asking) FOR NO KEY UPDATE OF t SKIP LOCKED
  ) locked
), picked AS (
  SELECT * FROM ready JOIN asking USING (turn)
)`;
