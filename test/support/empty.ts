import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";
import { escapeIdentifier } from "pg";

/**
 * All that is defined in the database and what the planner knows of it (that a table is empty, once somebody looked, makes
 * plans that are bad for a full one), how many are connected to it, and which tables may have rows. A row of a catalogue
 * that is changed gets a later xmin; but for what the planner knows, which is written over the old.
 */
const LOOK = `SELECT (SELECT count(*)::integer FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend') AS connections,
  concat_ws(' ', count(*), sum(hashtextextended(concat_ws(' ', oid, relname, relkind, relrowsecurity, relacl, reloptions,
      relpages, reltuples), 0)),
    (SELECT concat_ws(' ', count(*), sum(a.xmin::text::bigint)) FROM pg_attribute a
      JOIN pg_class c ON c.oid = attrelid WHERE c.relnamespace = 'public'::regnamespace),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::bigint)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::bigint)) FROM pg_trigger),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::bigint)) FROM pg_constraint),
    (SELECT concat_ws(' ', count(*), sum(xmin::text::bigint)) FROM pg_policy),
    (SELECT string_agg(concat_ws(' ', setrole, setconfig), ' ') FROM pg_db_role_setting
      WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))) AS structure,
  coalesce(array_agg(relname::text) FILTER (WHERE relkind = 'r' AND pg_relation_size(oid) > 0), '{}') AS filled,
  string_agg(format('%I.%I', relnamespace::regnamespace, relname), ', ') FILTER (WHERE relkind = 'r'
    AND relname <> '_prisma_migrations' AND pg_relation_size(oid) > 65536) AS large
FROM pg_class WHERE relnamespace = 'public'::regnamespace`;

interface Looked {
  readonly connections: number;
  readonly structure: string;
  /** Tables that have, or had, rows. */
  readonly filled: readonly string[];
  /** Tables whose deleted rows would take so much room that plans for them were others. */
  readonly large: string | null;
}

/** How often it is looked again at most, a hundredth of a second apart. */
const LOOKS = 50;

const TABLES = `SELECT c.relname AS name, relkind = 'p' AS parted,
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
  const { rows: tables } = await owner.query<{ name: string; parted: boolean; columns: string[] }>(TABLES);
  const { rows: sequences } = await owner.query<{ reset: string }>(SEQUENCES);
  await owner.query("CREATE SCHEMA fresh");
  /** What brings each table back, in an order that does not matter: nothing is checked meanwhile. */
  const resets = new Map<string, string>();
  for (const { name, columns } of tables) {
    const table = escapeIdentifier(name);
    resets.set(name, `DELETE FROM public.${table}`);
    const { rowCount } = await owner.query(`SELECT FROM public.${table} LIMIT 1`);
    if (rowCount === 0) continue;
    await owner.query(`CREATE TABLE fresh.${table} AS TABLE public.${table}`);
    const list = columns.map(escapeIdentifier).join();
    resets.set(
      name,
      `DELETE FROM public.${table}; INSERT INTO public.${table} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM fresh.${table}`,
    );
  }
  // Where the rows of a table that is parted are, its parts know.
  const parted = tables.filter((table) => table.parted).map(({ name }) => name);
  const counters = sequences.map(({ reset }) => reset);
  const look = async () => (await owner.query<Looked>(LOOK)).rows[0];
  const fresh = await look();
  return async (connections) => {
    let now = await look();
    // A connection that was ended is there for a moment more.
    for (let i = 0; i < LOOKS && Number(now?.connections) > connections(); i++) {
      await pause(10);
      now = await look();
    }
    if (!now || now.structure !== fresh?.structure || now.connections > connections()) return false;
    const truncate = now.large ? `TRUNCATE ${now.large} CASCADE` : "";
    // A table that is cut short may take those with it that refer to it.
    const left = now.large ? resets.keys() : [...now.filled, ...parted];
    const text = [...left].map((name) => resets.get(name) ?? "");
    await owner.query(
      ["BEGIN", "SET LOCAL session_replication_role = replica", truncate, ...text, ...counters, "COMMIT"].join("; "),
    );
    return true;
  };
}
