/** What the end of a lease changes of a task, whether the sweep or a claim comes first. */
export const LEASE_END = ["status", "claimedBy", "leaseExpiresAt"] as const;

/** SQL: the columns of `LEASE_END` as they are then, as a table `f`. */
export const FREED = "(SELECT 'pending' AS status, NULL::text AS claimed_by, NULL::timestamptz AS lease_expires_at) f";
