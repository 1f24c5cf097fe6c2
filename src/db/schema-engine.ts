import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, type SqlDriverAdapter } from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import { DatabaseError, Pool } from "pg";

/** Where Prisma's engine looks for the schema; to apply migrations it needs to know the kind of database and no more. */
const DATAMODEL: [string, string] = ["schema.prisma", 'datasource db {\n  provider = "postgresql"\n}\n'];
const LOCKFILE = 'provider = "postgresql"\n';

/** A migration as Prisma names it: its folder and the text of its `migration.sql`. */
export interface Migration {
  readonly name: string;
  readonly script: string;
}

/**
 * Runs `work` with Prisma's schema engine, compiled to WebAssembly, on a connection of its own. Its bookkeeping in
 * `_prisma_migrations` is that of `prisma migrate deploy`, so either may follow the other.
 * @param work gets the engine, and a function that tells PostgreSQL's own error of the script that failed, which the
 *   engine rewrites or leaves out.
 * @param session statements that set up the connection first, like `SET lock_timeout = '5s'`.
 */
export async function withSchemaEngine<T>(
  url: string,
  session: string,
  work: (engine: SchemaEngine, failureOfScript: () => string | undefined) => Promise<T>,
): Promise<T> {
  const { SchemaEngine } = await loadEngine();
  // One connection that is never replaced, so that what `session` sets holds for all of the engine's work.
  const pool = new Pool({ connectionString: url, application_name: "docket migrate", max: 1, idleTimeoutMillis: 0 });
  pool.on("error", () => undefined);
  try {
    await pool.query(session);
    const scripts = new WholeScripts(pool);
    const adapters = bindMigrationAwareSqlAdapterFactory(scripts);
    using engine = await SchemaEngine.new({ datamodels: [DATAMODEL] }, () => undefined, adapters);
    return await work(engine, () => scripts.failure);
  } finally {
    await pool.end();
  }
}

/** The engine's form of a list of migrations. */
export function migrationList(folder: string, migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: folder,
    lockfile: { path: "migration_lock.toml", content: LOCKFILE },
    shadowDbInitScript: "",
    migrationDirectories: migrations.map(({ name, script }) => ({
      path: name,
      migrationFile: { path: "migration.sql", content: { tag: "ok", value: script } },
    })),
  };
}

/**
 * Sends each script in one piece. Prisma's adapter cuts scripts at every semicolon, also within a function's body, and
 * commits each piece by itself; in one piece PostgreSQL runs a script in one transaction, as Prisma's own engine does.
 */
class WholeScripts extends PrismaPg {
  readonly #pool: Pool;
  failure: string | undefined;

  constructor(pool: Pool) {
    super(pool);
    this.#pool = pool;
  }

  override async connect(): ReturnType<PrismaPg["connect"]> {
    const adapter = await super.connect();
    const executeScript: SqlDriverAdapter["executeScript"] = async (script) => {
      try {
        await this.#pool.query(script);
      } catch (error) {
        if (error instanceof DatabaseError) this.failure = describe(error, script);
        throw error;
      }
    };
    return Object.assign(adapter, { executeScript });
  }
}

/** The error as PostgreSQL gave it, with its code and the line of the script. */
function describe(error: DatabaseError, script: string): string {
  const line = error.position ? ` (line ${script.slice(0, Number(error.position)).split("\n").length})` : "";
  return `${error.severity ?? "ERROR"} ${error.code}: ${error.message}${line}`;
}

/** Loads the engine without Node's note that importing WebAssembly is experimental; other warnings pass. */
async function loadEngine(): Promise<typeof import("@prisma/schema-engine-wasm")> {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).startsWith("Importing WebAssembly")) Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return await import("@prisma/schema-engine-wasm");
  } finally {
    process.emitWarning = emitWarning;
  }
}
