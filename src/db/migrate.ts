import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { PACKAGE_ROOT } from "../config/package-root.ts";
import { DocketError } from "../errors.ts";
import { connect } from "./connect.ts";
import { ensureDocketRole } from "./docket-role.ts";
import { errorCode } from "./faults.ts";
import {
  forget,
  isSame,
  type Migration,
  noteBegun,
  noteFailed,
  noteFinished,
  openHistory,
  type RecordedMigration,
  readHistory,
} from "./migration-history.ts";

// Why it is our own and no library's: docs/architecture.md, among the choices.

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

const MIGRATIONS_FOLDER = join(PACKAGE_ROOT, "prisma", "migrations");
/** Advisory lock of a database that is being migrated; any number that nobody else uses ("docket" in ASCII). */
export const MIGRATION_LOCK = "110429572130164";
/** The same of `prisma migrate deploy`, for somebody who runs that by hand. */
const PRISMA_LOCK = "72707369";
/** How long another process may take to migrate. */
const PATIENCE = "120s";
/**
 * A statement that waits for a table makes every later reader of it wait as well, so it soon gives up. Limits set for
 * the login or the database are lifted: a migration may take its time.
 */
const SESSION = "SET lock_timeout = '3s'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
const LOCK_NOT_AVAILABLE = "55P03";
const OLDEST_VERSION = 150_000;
/** Statements by which a script leaves the one transaction that it is otherwise. */
const LEAVES_TRANSACTION = /\b(commit|concurrently)\b/i;

/**
 * Brings the database up to this version of Docket: the role of the pooled connections, then each migration it lacks,
 * in order. Processes that migrate at the same time wait for each other. A database that is newer than this program is
 * left alone, because an old process may keep working beside a new one.
 * @returns names of the migrations applied now.
 * @throws DocketError DATABASE_UNAVAILABLE; Error saying what is wrong and what to do for an edited, failed or foreign
 *   migration, a database of somebody else, a login without the right to create roles, or a server older than PostgreSQL 15.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const { ownerUrl, loginUrl, migrationsFolder = MIGRATIONS_FOLDER } = options;
  return await whileMigrating(ownerUrl, async (owner) => {
    const { version, login } = await versionAndLogin(owner);
    if (version < OLDEST_VERSION) {
      throw new Error(`Docket needs PostgreSQL 15 or newer; this server is ${Math.floor(version / 10_000)}.`);
    }
    await ensureDocketRole(owner, loginUrl === ownerUrl ? [login] : [loginOf(loginUrl) ?? login, login]);
    const migrations = await readMigrations(migrationsFolder);
    const history = await readHistory(owner);
    const lacking = migrations.filter(({ name }) => !history.some((recorded) => recorded.name === name));
    refuseFaults(migrations, history, lacking);
    if (lacking.length === 0) return { applied: [] };
    await openHistory(owner);
    await owner.query(SESSION);
    for (const migration of lacking) await apply(owner, migration);
    return { applied: lacking.map(({ name }) => name) };
  });
}

/** The names of the migrations that this program was written for. */
export async function neededMigrations(): Promise<string[]> {
  return (await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name);
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
    const applied = (await readHistory(owner)).filter(({ finished }) => finished).map(({ name }) => name);
    const names = applied.reverse().slice(0, steps);
    const scripts = await Promise.all(names.map((name) => readDown(migrationsFolder, name)));
    await owner.query(SESSION);
    await owner.query("BEGIN");
    try {
      for (const [index, name] of names.entries()) {
        await owner.query(scripts[index] ?? "");
        await forget(owner, name);
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
    await owner.query("SELECT pg_advisory_lock($1)", [PRISMA_LOCK]);
    return await work(owner);
  } catch (error) {
    const lost = await owner.query("SELECT").then(
      () => false,
      () => true,
    );
    if (lost)
      throw new DocketError(
        "DATABASE_UNAVAILABLE",
        "The database went away while it was brought up to date. Start again once it is back: a migration that was under way is undone, or that start says what to do.",
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

/** Runs a script and notes that it is done, both or neither. @throws Error saying what to do. */
async function apply(owner: Client, migration: Migration): Promise<void> {
  const { name, script } = migration;
  const whole = !LEAVES_TRANSACTION.test(script);
  try {
    if (whole) await owner.query("BEGIN");
    const note = await noteBegun(owner, migration);
    // In one piece and without parameters, so that PostgreSQL takes any number of statements.
    await owner.query(script);
    await noteFinished(owner, note);
    if (whole) await owner.query("COMMIT");
  } catch (error) {
    await owner.query("ROLLBACK");
    if (whole && errorCode(error) === LOCK_NOT_AVAILABLE)
      throw new Error(
        `Migration ${name} could not lock a table that another session uses. Nothing of it was done. ` +
          "Start again when that session has ended (see pg_stat_activity).",
        { cause: error },
      );
    throw new Error(aboutFailed(await noteFailed(owner, migration, error)), { cause: error });
  }
}

function refuseFaults(
  migrations: readonly Migration[],
  history: readonly RecordedMigration[],
  lacking: readonly Migration[],
): void {
  const faults = history.filter(({ finished }) => !finished).map(aboutFailed);
  for (const { name, script } of migrations) {
    const applied = history.filter((recorded) => recorded.name === name && recorded.finished);
    if (applied.every((recorded) => isSame(script, recorded))) continue;
    faults.push(
      `Migration ${name} was edited after it was applied to this database. ` +
        "Restore its migration.sql as it was released, and make the change in a new migration.",
    );
  }
  const foreign = history.filter(({ name }) => !migrations.some((migration) => migration.name === name));
  if (lacking.length > 0 && foreign.length > 0) {
    faults.push(
      `This database has migrations that this program lacks (${namesOf(foreign)}), ` +
        `and lacks some that this program has (${namesOf(lacking)}). Start a version of Docket that has them all.`,
    );
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

function namesOf(migrations: readonly { readonly name: string }[]): string {
  return migrations.map(({ name }) => name).join(", ");
}

function aboutFailed({ name, logs }: RecordedMigration): string {
  // A log that Prisma's engine wrote ends with a trace of its Rust code.
  const why = logs.split(/\n\s*0: /)[0]?.trim() || "it was interrupted";
  return (
    `Migration ${name} failed on this database: ${why}\n` +
    "Remove the cause and make sure that nothing of it remains (PostgreSQL undoes a failed script unless it commits " +
    "on its own). Then let the next start try it again by running:\n" +
    `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL;`
  );
}

async function versionAndLogin(owner: Client): Promise<{ version: number; login: string }> {
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
