import type { Db } from "../../db/database.ts";

const BATCH = 500;

/** Their attempts go with them. */
const PRUNE = {
  name: "webhooks-prune",
  text: `WITH ended AS MATERIALIZED (
      SELECT webhook_id, position FROM webhook_deliveries
      WHERE status <> 'pending'
        AND ended_at < docket_now() - CASE status WHEN 'dead' THEN interval '90 days' ELSE interval '30 days' END
        AND ended_at < docket_now() - interval '30 days'
      ORDER BY ended_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
    DELETE FROM webhook_deliveries d USING ended WHERE d.webhook_id = ended.webhook_id AND d.position = ended.position
    RETURNING d.position`,
};

/**
 * Takes deliveries out that ended long ago: delivered ones after 30 days, dead ones after 90.
 * @returns whether there may be more.
 * @throws DATABASE_UNAVAILABLE
 */
export async function pruneDeliveries(db: Db): Promise<boolean> {
  return (await db.write(PRUNE, [], { idempotent: true })).length === BATCH;
}
