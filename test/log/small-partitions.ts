import type { Client } from "pg";

/** Lets the empty log of a test have partitions of so many positions, the first one too. */
export async function usePartitionsOf(owner: Client, size: number): Promise<void> {
  // What waits for longer than a slow machine explains fails, and names itself.
  await owner.query("SET statement_timeout = '15s'");
  await owner.query("ALTER TABLE events DETACH PARTITION events_from_1");
  await owner.query("DROP TABLE events_from_1");
  await owner.query("UPDATE log_head SET partitions_end = 1, partition_size = $1", [size]);
}

/** Moves events into the log that happened at an instant, by default now; of one task, in order. */
export async function fill(
  owner: Client,
  projectId: string,
  count: number,
  occurredAt = "docket_now()",
): Promise<void> {
  await owner.query(
    `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, occurred_at, payload)
     SELECT 'task.updated', $1, 'task', 'TASK-001', 'filler', ${occurredAt}, jsonb_build_object('i', i)
     FROM generate_series(1, $2::int) i`,
    [projectId, count],
  );
  while ((await owner.query<{ moved: number }>("SELECT moved FROM drain(1000)")).rows[0]?.moved === 1000);
}

/** Names of the partitions that are in the log. */
export async function partitions(owner: Client): Promise<string[]> {
  const { rows } = await owner.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'events'::regclass ORDER BY length(c.relname), c.relname`,
  );
  return rows.map(({ name }) => name);
}
