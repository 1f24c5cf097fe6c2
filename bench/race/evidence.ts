import type { Client } from "pg";
import { SERVER_STREAM } from "../../src/log/write/append.ts";
import type { Stored, StoredAttempt, StoredEvent, StoredReservation, StoredTask } from "./records.ts";

const instant = (column: string) => `(extract(epoch FROM ${column}) * 1000)::double precision`;

const TASKS = `SELECT project_id AS "projectId", task_id AS "taskId", description, status, attempts,
  completion_notes AS "completionNotes" FROM tasks WHERE deleted_at IS NULL`;
const ATTEMPTS = `SELECT project_id AS "projectId", task_id AS "taskId", attempt, worker,
  ${instant("claimed_at")} AS "claimedAt", ${instant("ended_at")} AS "endedAt", outcome FROM task_attempts`;
const RESERVATIONS = `SELECT reservation_id AS "reservationId", project_id AS "projectId", namespace,
  reservation_status(r) AS status, returned_at IS NULL AS live, artifact_ids(artifact_type, numbers) AS ids
FROM id_reservations r`;
const EVENTS = `SELECT position::int, number::int, project_id AS "projectId", event_type AS type,
  subject_id AS "subjectId", (payload ->> 'attempt')::int AS attempt, log_entry(e) AS entry, encode(hash, 'hex') AS hash
FROM events e ORDER BY position`;

/** Reads everything as the database's owner, past every server. */
export async function readStored(client: Client): Promise<Stored> {
  return {
    tasks: (await client.query<StoredTask>(TASKS)).rows,
    attempts: (await client.query<StoredAttempt>(ATTEMPTS)).rows,
    reservations: (await client.query<StoredReservation>(RESERVATIONS)).rows,
    events: (await client.query<StoredEvent>(EVENTS)).rows,
    inbox: await countInbox(client),
  };
}

/** Events that wait for a server to move them into the log. */
export async function countInbox(client: Client): Promise<number> {
  const { rows } = await client.query<{ left: number }>("SELECT count(*)::int AS left FROM event_inbox");
  return rows[0]?.left ?? 0;
}

/** How many events each project has. */
export async function readHeads(client: Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ project_id: string; number: number }>(
    "SELECT project_id, number::int AS number FROM project_log_heads WHERE project_id <> $1",
    [SERVER_STREAM],
  );
  return new Map(rows.map(({ project_id, number }) => [project_id, number]));
}
