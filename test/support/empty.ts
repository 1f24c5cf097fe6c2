import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import { escapeIdentifier } from "pg";

/**
 * All that is defined in the database and what the planner knows of it (that a table is empty, once somebody looked, makes
 * plans that are bad for a full one), and how many are connected to it.
 */
const LOOK = `SELECT md5(string_agg(thing, ' ' ORDER BY thing)) AS structure, (SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend') AS connections
FROM (
  SELECT concat_ws(' ', oid, relname, relkind, relrowsecurity, relacl, reloptions, relpages, reltuples)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', attrelid, attname, atttypid, attnotnull, attisdropped) FROM pg_attribute a
    JOIN pg_class c ON c.oid = attrelid WHERE c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', oid, xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws(' ', oid, xmin, tgenabled) FROM pg_trigger
  UNION ALL SELECT concat_ws(' ', oid, xmin) FROM pg_constraint
  UNION ALL SELECT concat_ws(' ', setrole, setconfig) FROM pg_db_role_setting
    WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS things (thing)`;

/** Tables whose deleted rows would take so much room that plans for them were others. */
const LARGE = `SELECT string_agg(format('%I.%I', relnamespace::regnamespace, relname), ', ') AS tables
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> '_prisma_migrations'
  AND pg_relation_size(oid) > 65536`;

/** How often it is looked again at most, a hundredth of a second apart. */
const LOOKS = 50;

const TABLES = `SELECT c.relname AS name,
  array_agg(a.attname::text ORDER BY attnum) FILTER (WHERE attgenerated = '') AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname <> '_prisma_migrations' GROUP BY c.oid ORDER BY relname`;

const SEQUENCES = `SELECT format('SELECT setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),
  coalesce(last_value, start_value), last_value IS NOT NULL) AS reset FROM pg_sequences`;

/** Brings the database back to its rows of the beginning, and says whether it is as new: see `emptier`. */
export type Emptier = (connections: () => number) => Promise<boolean>;

/**
 * Remembers the rows of a fresh database. The answer brings it back to them and says whether it is as new: nothing in
 * it was defined anew, and it has no other connections than it is told.
 */
export async function emptier(owner: Client): Promise<Emptier> {
  const { rows: tables } = await owner.query<{ name: string; columns: string[] }>(TABLES);
  const { rows: sequences } = await owner.query<{ reset: string }>(SEQUENCES);
  await owner.query("CREATE SCHEMA fresh");
  const statements: string[] = [];
  for (const { name, columns } of tables) {
    const table = escapeIdentifier(name);
    statements.push(`DELETE FROM public.${table}`);
    const { rowCount } = await owner.query(`SELECT FROM public.${table} LIMIT 1`);
    if (rowCount === 0) continue;
    await owner.query(`CREATE TABLE fresh.${table} AS TABLE public.${table}`);
    const list = columns.map(escapeIdentifier).join();
    statements.push(`INSERT INTO public.${table} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM fresh.${table}`);
  }
  const text = [...statements, ...sequences.map(({ reset }) => reset), "COMMIT"].join("; ");
  const look = async () => (await owner.query<{ structure: string; connections: number }>(LOOK)).rows[0];
  const fresh = await look();
  return async (connections) => {
    let now = await look();
    // A connection that was ended is there for a moment more.
    for (let i = 0; i < LOOKS && Number(now?.connections) > connections(); i++) {
      await pause(10);
      now = await look();
    }
    if (now?.structure !== fresh?.structure || Number(now?.connections) > connections()) return false;
    const { rows: large } = await owner.query<{ tables: string | null }>(LARGE);
    const truncate = large[0]?.tables ? `TRUNCATE ${large[0].tables} CASCADE` : "";
    await owner.query(["BEGIN", "SET LOCAL session_replication_role = replica", truncate, text].join("; "));
    return true;
  };
}
