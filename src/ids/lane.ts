import type { Db } from "../db/database.ts";

/**
 * SQL: every transaction that writes IDs, but for the combined reservation, runs this first, before it locks any row.
 * A combined reservation then starts only when no such writer is under way, so nothing can make it fail.
 */
export const LOCK_LANE = "LOCK TABLE id_lane IN ROW EXCLUSIVE MODE";

/** The same for those that cannot send it together with BEGIN. */
export async function lockLane(db: Db): Promise<void> {
  await db.write(LOCK_LANE);
}

const LOCK = {
  name: "id-sequences-lock",
  text: `SELECT hold_sequence(namespace, artifact_type) FROM (
  SELECT DISTINCT p.id_namespace AS namespace, given.artifact_type
  FROM unnest($1::text[], $2::text[]) AS given(project_id, artifact_type) JOIN projects p USING (project_id)
  ORDER BY 1, 2) AS sequences`,
};

/**
 * For a transaction that gives or records IDs in several steps: locks all their sequences at once, in the one order
 * that every writer keeps, so that two such transactions never wait for each other.
 */
export async function lockSequences(
  db: Db,
  sequences: readonly { readonly projectId: string; readonly artifactType: string }[],
): Promise<void> {
  await db.write(LOCK, [
    sequences.map(({ projectId }) => projectId),
    sequences.map(({ artifactType }) => artifactType),
  ]);
}
