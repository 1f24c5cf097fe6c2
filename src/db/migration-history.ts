import { createHash, randomUUID } from "node:crypto";
import { type Client, DatabaseError } from "pg";
import { errorCode, UNDEFINED_TABLE } from "./faults.ts";

/**
 * The table `_prisma_migrations`, which says what a database was given. Its columns and checksums are those of
 * `prisma migrate deploy`, so that either may follow the other and `prisma migrate status` understands what it finds.
 */
const TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

/** A migration: the name of its folder and the text of its `migration.sql`. */
export interface Migration {
  readonly name: string;
  readonly script: string;
}

/** A migration that this database has, or that failed on it; one that was marked as rolled back is as if it never was. */
export interface RecordedMigration {
  readonly name: string;
  readonly checksum: string;
  /** Whether all of it was done. */
  readonly finished: boolean;
  /** What PostgreSQL said when it failed, '' when nothing is known. */
  readonly logs: string;
}

/** In the order of their names; none for a database that was never migrated. */
export async function readHistory(owner: Client): Promise<RecordedMigration[]> {
  try {
    const { rows } = await owner.query<RecordedMigration>(
      `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, coalesce(logs, '') AS logs
       FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name, started_at`,
    );
    return rows;
  } catch (error) {
    if (errorCode(error) !== UNDEFINED_TABLE) throw error;
    return [];
  }
}

/**
 * Makes the table where it is missing.
 * @throws Error for a database without it that has other tables: it is somebody else's.
 */
export async function openHistory(owner: Client): Promise<void> {
  const { rows } = await owner.query<{ theirs: string | null }>(
    `SELECT string_agg(relname, ', ' ORDER BY relname) AS theirs FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
       AND to_regclass('_prisma_migrations') IS NULL`,
  );
  const theirs = rows[0]?.theirs;
  if (theirs)
    throw new Error(
      `This database was never migrated by Docket and has tables already (${theirs}). Give Docket a database of its own.`,
    );
  await owner.query(TABLE);
}

/** Notes that a migration begins. @returns the ID of the note. */
export async function noteBegun(owner: Client, { name, script }: Migration): Promise<string> {
  const id = randomUUID();
  await owner.query("INSERT INTO _prisma_migrations (id, migration_name, checksum) VALUES ($1, $2, $3)", [
    id,
    name,
    checksumOf(script),
  ]);
  return id;
}

export async function noteFinished(owner: Client, id: string): Promise<void> {
  await owner.query(
    "UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1",
    [id],
  );
}

/** Notes why a migration failed, also where the note of its beginning was undone with it. @returns the note. */
export async function noteFailed(
  owner: Client,
  { name, script }: Migration,
  error: unknown,
): Promise<RecordedMigration> {
  const [checksum, logs] = [checksumOf(script), describe(error, script)];
  const { rowCount } = await owner.query(
    `UPDATE _prisma_migrations SET logs = $2
     WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [name, logs],
  );
  if (rowCount === 0)
    await owner.query("INSERT INTO _prisma_migrations (id, migration_name, checksum, logs) VALUES ($1, $2, $3, $4)", [
      randomUUID(),
      name,
      checksum,
      logs,
    ]);
  return { name, checksum, finished: false, logs };
}

/** Takes a migration that was undone out of the table, so that it may be applied again. */
export async function forget(owner: Client, name: string): Promise<void> {
  await owner.query("DELETE FROM _prisma_migrations WHERE migration_name = $1", [name]);
}

/**
 * Checksums of edited texts that databases were given before the migrations got the text back that they had landed with;
 * a later one, 20261128000930, makes these databases like all others.
 */
const ALSO_GIVEN: ReadonlyMap<string, string> = new Map([
  ["20261128000800_reminders", "1ab0b2afd60232ff4e6fde170a752f7ed6ed8605e6c957299f2212cdadba1497"],
  ["20261128000820_recurrence", "861f11157ed6cc502501825005727b17bff6f54b00aef647d5d839fe25242bd8"],
]);

/** Whether a script is the one that was recorded; as in Prisma, the ends of its lines may have been changed by Git. */
export function isSame(script: string, { name, checksum }: RecordedMigration): boolean {
  if (ALSO_GIVEN.get(name) === checksum) return true;
  const unix = script.replaceAll("\r\n", "\n");
  return [script, unix, unix.replaceAll("\n", "\r\n")].some((text) => checksumOf(text) === checksum);
}

function checksumOf(script: string): string {
  return createHash("sha256").update(script).digest("hex");
}

/** The error as PostgreSQL gave it, with its code and the line of the script. */
function describe(error: unknown, script: string): string {
  if (!(error instanceof DatabaseError)) return error instanceof Error ? error.message : String(error);
  const line = error.position ? ` (line ${script.slice(0, Number(error.position)).split("\n").length})` : "";
  return `${error.severity ?? "ERROR"} ${error.code}: ${error.message}${line}`;
}
