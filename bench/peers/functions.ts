import type { Client } from "pg";
import { TAKE_NEXT } from "../../src/tasks/take-ready.ts";
import { TASK_STATUSES } from "../../src/tasks/task.ts";

/** A claim's parameters: the project and the idempotency key are the caller's, the rest stands as it is. */
const PARAMETERS: readonly string[] = [
  "$1",
  "'{peer}'",
  "'{900}'",
  "'{peer}'",
  "'{peer}'",
  "'{peer}'",
  "ARRAY[$2]",
  "ARRAY['\\x00'::bytea]",
  "'{}'",
];

const claim = TAKE_NEXT.text.replaceAll(/\$(\d)/g, (_, number) => PARAMETERS[Number(number) - 1] ?? "NULL");

/**
 * Functions for what a schema made from tables cannot answer. They hold Docket's own statements; a reservation is made
 * under READ COMMITTED, as a function cannot choose.
 */
const FUNCTIONS = `
CREATE FUNCTION peer_counts() RETURNS TABLE (project_id text, status text, count integer) LANGUAGE sql STABLE AS $$
  SELECT p.project_id, one.status, one.count FROM projects p CROSS JOIN LATERAL (
    SELECT ${TASK_STATUSES.map((status) => `count(*) FILTER (WHERE t.status = '${status}')::int AS ${status}`).join(", ")}
    FROM tasks t WHERE t.project_id = p.project_id AND t.deleted_at IS NULL AND t.archived_at IS NULL
  ) counted CROSS JOIN LATERAL (VALUES ${TASK_STATUSES.map((status) => `('${status}', counted.${status})`).join(", ")}) AS one (status, count)
$$;
CREATE FUNCTION peer_claim(project text, key text)
  RETURNS TABLE (project_id text, task_id text, attempt integer, secret text, description text) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  claimed record;
BEGIN
  FOR claimed IN ${claim} LOOP
    RETURN QUERY SELECT t.project_id::text, t.task_id::text, claimed.attempt::int, claimed.secret::text, t.description::text
      FROM tasks t WHERE t.project_id = claimed."projectId" AND t.task_id = claimed."taskId";
  END LOOP;
END $$;
CREATE FUNCTION peer_reserve(project text, type text, number integer) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  LOCK TABLE id_lane IN EXCLUSIVE MODE;
  RETURN (SELECT given -> 'result' FROM give_ids(jsonb_build_array(jsonb_build_object('operation', 'reserveIds',
    'reservationId', gen_random_uuid(), 'projectId', project, 'artifactType', type, 'count', number, 'ttlSeconds', 900,
    'actor', 'peer', 'client', 'peer', 'correlationId', 'peer'))) AS given);
END $$;`;

export async function createFunctions(owner: Client): Promise<void> {
  await owner.query(FUNCTIONS);
}
