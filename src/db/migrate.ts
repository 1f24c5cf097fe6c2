import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DiagnoseMigrationHistoryOutput, SchemaEngine } from "@prisma/schema-engine-wasm";
import { Client } from "pg";
import { DocketError } from "../errors.ts";
import { connect } from "./connect.ts";
import { ensureDocketRole } from "./docket-role.ts";
import { errorCode, UNDEFINED_TABLE } from "./faults.ts";
import { type Migration, migrationList, withSchemaEngine } from "./schema-engine.ts";

export interface MigrateOptions {
  /** URL of the login that owns the tables. */
  readonly ownerUrl: string;
  /** URL of the login that the server works with; may be the same. */
  readonly loginUrl: string;
  /** Folder of `<timestamp_name>/migration.sql`; Docket's own by default. */
  readonly migrationsFolder?: string;
}

export interface MigrateDownOptions {
  readonly ownerUrl: string;
  /** How many of the newest migrations to undo; 1 by default. */
  readonly steps?: number;
  readonly migrationsFolder?: string;
}

const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));
/** Advisory lock of a database that is being migrated; any number that nobody else uses ("docket" in ASCII). */
export const MIGRATION_LOCK = "110429572130164";
/** How long another process may take to migrate. */
const PATIENCE = "120s";
/**
 * A statement that waits for a table makes every later reader of it wait as well, so it soon gives up. Limits set for
 * the login or the database are lifted: a migration may take its time.
 */
const SESSION = "SET lock_timeout = '3s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
/** Prisma's engine manages all tables of the database. */
const ALL = { externalTables: [], externalEnums: [] };
const LOCK_NOT_AVAILABLE = "55P03";
const OLDEST_VERSION = 150_000;
/** Statements by which a script leaves the one transaction it would otherwise be. */
const LEAVES_TRANSACTION = /\b(commit|concurrently)\b/i;

/**
 * Brings the database up to this version of Docket: the role of the pooled connections, then each migration it lacks,
 * in order. Processes that migrate at the same time wait for each other. A database that is newer than this program is
 * left alone, because an old process may keep working beside a new one.
 * @returns names of the migrations applied now.
 * @throws DocketError DATABASE_UNAVAILABLE; Error saying what is wrong and what to do for an edited, failed or foreign
 *   migration, a login without the right to create roles, or a server older than PostgreSQL 15.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const { ownerUrl, loginUrl, migrationsFolder = MIGRATIONS_FOLDER } = options;
  return await whileMigrating(ownerUrl, async (owner) => {
    const { version, login } = await introduce(owner);
    if (version < OLDEST_VERSION) {
      throw new Error(`Docket needs PostgreSQL 15 or newer; this server is ${Math.floor(version / 10_000)}.`);
    }
    await ensureDocketRole(owner, loginUrl === ownerUrl ? [login] : [loginOf(loginUrl) ?? login, login]);
    const migrations = await readMigrations(migrationsFolder);
    if (migrations.length === 0 || (await isUpToDate(owner, migrations))) return { applied: [] };
    return await withSchemaEngine(ownerUrl, SESSION, async (engine, failureOfScript) => {
      const migrationsList = migrationList(migrationsFolder, migrations);
      const found = await engine.diagnoseMigrationHistory({
        migrationsList,
        filters: ALL,
        optInToShadowDatabase: false,
      });
      await refuseFaults(found, owner);
      try {
        const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: ALL });
        return { applied: appliedMigrationNames };
      } catch (error) {
        throw await explainFailure(error, failureOfScript(), engine, owner, migrations);
      }
    });
  });
}

/**
 * Undoes the newest migrations by the reviewed `down.sql` beside each, all in one transaction.
 * @returns their names, newest first; fewer than `steps` when there are no more.
 * @throws DocketError DATABASE_UNAVAILABLE; Error when a migration is unknown to this program or has no `down.sql`,
 *   with nothing changed.
 */
export async function migrateDown(options: MigrateDownOptions): Promise<{ undone: string[] }> {
  const { ownerUrl, steps = 1, migrationsFolder = MIGRATIONS_FOLDER } = options;
  return await whileMigrating(ownerUrl, async (owner) => {
    const names = await newestApplied(owner, steps);
    const scripts = await Promise.all(names.map((name) => readDown(migrationsFolder, name)));
    await owner.query(SESSION);
    await owner.query("BEGIN");
    try {
      for (const [index, name] of names.entries()) {
        await owner.query(scripts[index] ?? "");
        await owner.query("DELETE FROM _prisma_migrations WHERE migration_name = $1", [name]);
      }
      await owner.query("COMMIT");
    } catch (error) {
      await owner.query("ROLLBACK").catch(() => undefined);
      throw new Error(`Undoing ${names.join(", ")} failed, nothing was changed: ${messageOf(error)}`, { cause: error });
    }
    return { undone: names };
  });
}

async function whileMigrating<T>(ownerUrl: string, work: (owner: Client) => Promise<T>): Promise<T> {
  const owner = await connect(ownerUrl, "docket migrate");
  try {
    await owner.query(`SET idle_session_timeout = 0; SET statement_timeout = 0; SET lock_timeout = '${PATIENCE}'`);
    await owner.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    return await work(owner);
  } catch (error) {
    // Prisma's engine says of a lost connection only that there was an error: this one, to the same server, tells.
    const lost = await owner.query("SELECT").then(
      () => false,
      () => true,
    );
    if (lost)
      throw new DocketError(
        "DATABASE_UNAVAILABLE",
        "The database went away while it was brought up to date. Start again once it is back: if a migration was under way, that start says what to do.",
        {},
        { cause: error },
      );
    if (errorCode(error) !== LOCK_NOT_AVAILABLE) throw error;
    throw new Error(`Another process has been migrating this database for ${PATIENCE}. Wait for it, then try again.`, {
      cause: error,
    });
  } finally {
    // The lock ends with the connection.
    await owner.end();
  }
}

async function explainFailure(
  error: unknown,
  failureOfScript: string | undefined,
  engine: SchemaEngine,
  owner: Client,
  migrations: readonly Migration[],
): Promise<Error> {
  const [failed] = await failedMigrations(owner);
  if (failed === undefined)
    return new Error(`The migrations could not be applied: ${messageOf(error)}`, { cause: error });
  const { name } = failed;
  const script = migrations.find((migration) => migration.name === name)?.script ?? "";
  if (failureOfScript?.includes(LOCK_NOT_AVAILABLE) && !LEAVES_TRANSACTION.test(script)) {
    // Nothing of it was done and nothing is wrong with it: the next start may try again.
    await engine.markMigrationRolledBack({ migrationName: name });
    return new Error(
      `Migration ${name} could not lock a table that another session uses. Nothing of it was done. ` +
        "Start again when that session has ended (see pg_stat_activity).",
      { cause: error },
    );
  }
  const logs = failureOfScript ?? failed.logs;
  await owner.query(
    "UPDATE _prisma_migrations SET logs = $2 WHERE migration_name = $1 AND finished_at IS NULL AND rolled_back_at IS NULL",
    [name, logs],
  );
  return new Error(aboutFailed({ name, logs }), { cause: error });
}

async function refuseFaults(found: DiagnoseMigrationHistoryOutput, owner: Client): Promise<void> {
  const failed = found.failedMigrationNames.length > 0 ? await failedMigrations(owner) : [];
  const faults = failed.map(aboutFailed);
  for (const name of found.editedMigrationNames) {
    faults.push(
      `Migration ${name} was edited after it was applied to this database. ` +
        "Restore its migration.sql as it was released, and make the change in a new migration.",
    );
  }
  if (found.history?.diagnostic === "historiesDiverge") {
    faults.push(
      `This database has migrations that this program lacks (${found.history.unpersistedMigrationNames.join(", ")}), ` +
        `and lacks some that this program has (${found.history.unappliedMigrationNames.join(", ")}). ` +
        "Start a version of Docket that has them all.",
    );
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

interface FailedMigration {
  readonly name: string;
  readonly logs: string;
}

async function failedMigrations(owner: Client): Promise<FailedMigration[]> {
  const { rows } = await owner.query<FailedMigration>(
    `SELECT migration_name AS name, coalesce(logs, '') AS logs FROM _prisma_migrations
      WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

function aboutFailed({ name, logs }: FailedMigration): string {
  // A log of the engine's own ends with a trace of its Rust code.
  const why = logs.split(/\n\s*0: /)[0]?.trim() || "it was interrupted";
  return (
    `Migration ${name} failed on this database: ${why}\n` +
    "Remove the cause and make sure that nothing of it remains (PostgreSQL undoes a failed script unless it commits " +
    "on its own). Then let the next start try it again by running:\n" +
    `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL;`
  );
}

async function introduce(owner: Client): Promise<{ version: number; login: string }> {
  const { rows } = await owner.query<{ version: number; login: string }>(
    "SELECT current_setting('server_version_num')::int AS version, session_user AS login",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("PostgreSQL did not tell its version.");
  return row;
}

function loginOf(url: string): string | undefined {
  return new Client({ connectionString: url }).user;
}

async function newestApplied(owner: Client, count: number): Promise<string[]> {
  const { rows } = await owner
    .query<{ name: string }>(
      `SELECT DISTINCT migration_name AS name FROM _prisma_migrations
       WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY name DESC LIMIT $1`,
      [count],
    )
    .catch(unlessNoTable);
  return rows.map(({ name }) => name);
}

/**
 * Whether the database has these migrations as they stand and no other, so that Prisma's engine, which takes long to
 * load, would find nothing to do and nothing to refuse.
 */
async function isUpToDate(owner: Client, migrations: readonly Migration[]): Promise<boolean> {
  const { rows } = await owner
    .query<{ name: string; checksum: string; applied: boolean }>(
      `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AND rolled_back_at IS NULL AS applied
       FROM _prisma_migrations`,
    )
    .catch(unlessNoTable);
  const isApplied = ({ name, script }: Migration) => {
    const checksum = createHash("sha256").update(script).digest("hex");
    return rows.some((row) => row.name === name && row.checksum === checksum && row.applied);
  };
  return rows.length === migrations.length && migrations.every(isApplied);
}

function unlessNoTable(error: unknown): { rows: [] } {
  if (errorCode(error) !== UNDEFINED_TABLE) throw error;
  return { rows: [] };
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const migrations = names.sort().map(async (name): Promise<Migration[]> => {
    const script = await readFile(join(folder, name, "migration.sql"), "utf8").catch(unlessMissing);
    // Git leaves empty folders behind when it moves to a version without the migration.
    return script === undefined ? [] : [{ name, script }];
  });
  return (await Promise.all(migrations)).flat();
}

function unlessMissing(error: unknown): undefined {
  if (errorCode(error) !== "ENOENT") throw error;
}

async function readDown(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name, "down.sql"), "utf8");
  } catch (cause) {
    throw new Error(
      `Migration ${name} cannot be undone: this program has no ${name}/down.sql. ` +
        "If a newer Docket applied it, undo it with that version.",
      { cause },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
