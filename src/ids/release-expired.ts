import { nothing, verb } from "../access/verb.ts";
import { requireProjects, visibleProjects } from "../access/visibility.ts";
import { STILL_TO_END } from "./expire.ts";
import { LOCK_LANE } from "./lane.ts";

export interface ReleaseExpiredReservations {
  /** Without it, in every project that the viewer sees. */
  readonly projectId?: string | null | undefined;
}

export interface ReleasedExpired {
  /** How many reservations were found expired and ended. */
  readonly count: number;
}

/** Rounds of 500 reservations of each sequence: a backlog must not outlast the request. */
const MOST_ROUNDS = 20;

/** SQL: the reservations of the projects $1, or of all, whose time is over. */
const EXPIRED = `id_reservations WHERE ${STILL_TO_END} AND expires_at <= (SELECT docket_now())
    AND ($1::text[] IS NULL OR project_id = ANY ($1))`;

const COUNT = {
  name: "reservations-expired-count",
  text: `SELECT count(*)::int AS count FROM ${EXPIRED}`,
};
const HOLD = {
  name: "sequences-hold-expired",
  text: `SELECT hold_sequence(namespace, artifact_type) FROM (
  SELECT DISTINCT namespace, artifact_type FROM ${EXPIRED}
  ORDER BY 1, 2) AS sequences`,
};

/**
 * Lets the numbers of expired reservations go back and tells of it (`ids.expired`), now instead of when the job or the
 * next writer of their sequence does; what others reserved in the same sequence goes with them, uncounted.
 * @throws PROJECT_NOT_FOUND
 */
export const releaseExpiredReservations = verb(
  {
    name: "releaseExpiredReservations",
    role: "agent",
    effect: "changes",
    scope: "projects",
    idempotent: true,
    first: LOCK_LANE,
    on: nothing,
  },
  async (ctx, { projectId }: ReleaseExpiredReservations): Promise<ReleasedExpired> => {
    if (projectId != null) await requireProjects(ctx, [projectId]);
    const projects = projectId == null ? visibleProjects(ctx.viewer) : [projectId];
    const left = async () => (await ctx.db.read<{ count: number }>(COUNT, [projects]))[0]?.count ?? 0;
    const before = await left();
    let now = before;
    for (let round = 0; now > 0 && round < MOST_ROUNDS; round++) {
      await ctx.db.write(HOLD, [projects]);
      now = await left();
    }
    return { count: before - now };
  },
);
