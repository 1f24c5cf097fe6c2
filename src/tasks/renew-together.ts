import { combinedByKey, rowOfEach } from "../db/combined-by-key.ts";
import type { Db } from "../db/database.ts";
import { type AskedByHolder, heldByCallers, heldParameters, MOST_CALLS } from "./held-together.ts";
import { STALLS_SOON } from "./stalled.ts";

/** SQL: when the holder was last active, as a renewal tells it; NULL where it tells nothing. */
export const ACTIVE_BEFORE = (seconds: string) => `docket_now() - make_interval(secs => ${seconds})`;

/** SQL: no event tells those who wait for the end of a lease, or a stall, that it comes sooner. */
export const TELL_SOONER = (condition: string) => `CASE WHEN ${condition} THEN pg_notify('docket_due', '') END`;

/** Keeps what the callers hold for longer. */
export const RENEW_HELD = {
  name: "task-renew-held",
  text: `WITH ${heldByCallers({ lease_seconds: "int", idle_seconds: "int" }, "t.lease_expires_at AS before")}, renewed AS (
  UPDATE tasks t SET lease_expires_at = docket_now() + coalesce(make_interval(secs => h.lease_seconds), project_lease(p.settings))
  FROM held h JOIN projects p ON p.project_id = h.project_id
  WHERE t.project_id = h.project_id AND t.task_id = h.task_id
  RETURNING h.place, h.project_id, h.task_id, h.attempt, h.idle_seconds, h.before, t.lease_expires_at, p.settings
), kept AS (
  UPDATE task_attempts a SET lease_expires_at = p.lease_expires_at, last_renewed_at = docket_now(),
    last_active_at = greatest(a.last_active_at, ${ACTIVE_BEFORE("p.idle_seconds")})
  FROM renewed p WHERE a.project_id = p.project_id AND a.task_id = p.task_id AND a.attempt = p.attempt
  RETURNING p.place, ${STALLS_SOON} AS stalls_soon
)
SELECT r.place, r.attempt, r.lease_expires_at AS "leaseExpiresAt", ${TELL_SOONER("r.lease_expires_at < r.before OR k.stalls_soon")}
FROM renewed r LEFT JOIN kept k USING (place)`,
};

/** A renewal by the holder that says nothing else. */
export interface AskedRenewal extends AskedByHolder {
  /** null: the project's lease. */
  readonly leaseSeconds: number | null;
  /** null: nothing is known of the worker itself. */
  readonly idleSeconds: number | null;
}

export interface Renewed {
  readonly attempt: number;
  readonly leaseExpiresAt: Date;
}

const renewParameters = (calls: readonly AskedRenewal[]) => [
  ...heldParameters(calls),
  calls.map(({ leaseSeconds }) => leaseSeconds),
  calls.map(({ idleSeconds }) => idleSeconds),
];

const combined = combinedByKey<AskedRenewal, Renewed | null>({
  largestBatch: MOST_CALLS,
  wrote: (renewed) => renewed !== null,
});

/**
 * Renews a lease, together with others that come while such a batch is under way.
 * @returns null where the caller is not simply its holder: then nothing was done.
 */
export function renewTogether(db: Db, call: AskedRenewal): Promise<Renewed | null> {
  return combined(db, call, [], async (take, options) => {
    const rows = await db.write<Renewed & { place: number }>(RENEW_HELD, () => renewParameters(take()), options);
    return rowOfEach(take(), rows);
  });
}
