import { DocketError } from "../errors.ts";
import type { Db } from "./database.ts";
import { DOCKET_ROLE } from "./docket-role.ts";

interface Settings {
  synchronous_commit: string;
  encoding: string;
  role: string;
  statement_timeout: number;
  lock_timeout: number;
  idle_timeout: number;
}

const SETTINGS = `SELECT current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('server_encoding') AS encoding, current_user AS role,
  (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS statement_timeout,
  (SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout') AS lock_timeout,
  (SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout') AS idle_timeout`;

/**
 * Looks at what a pooled connection of a migrated database really got: a proxy in between, or settings of the login, may
 * have changed it.
 * @throws Error naming everything that would lose data or let one statement hold up all others; DATABASE_UNAVAILABLE.
 */
export async function checkServer(db: Db): Promise<void> {
  const [found] = await db.read<Settings>(SETTINGS).catch(explain);
  const faults = found ? faultsOf(found) : ["The server told nothing about itself."];
  if (faults.length > 0)
    throw new Error(["Docket cannot work with this PostgreSQL:", ...faults.map((fault) => `  ${fault}`)].join("\n"));
}

/** The person who starts the server is told what the database said; callers are not. */
function explain(error: unknown): never {
  if (!(error instanceof DocketError && error.cause instanceof Error)) throw error;
  throw new DocketError(error.code, `${error.message}: ${error.cause.message}`, error.details, { cause: error.cause });
}

function faultsOf(found: Settings): string[] {
  const faults: string[] = [];
  if (found.synchronous_commit === "off")
    faults.push(
      "synchronous_commit is off: after a crash, tasks that were taken would be handed out again. Set it to on " +
        "(ALTER DATABASE … SET synchronous_commit = on).",
    );
  if (found.encoding !== "UTF8") faults.push(`The database's encoding is ${found.encoding}; create it with UTF8.`);
  if (found.role !== DOCKET_ROLE)
    faults.push(`Connections act as ${found.role} instead of ${DOCKET_ROLE}: a proxy drops the startup option "role".`);
  for (const name of ["statement_timeout", "lock_timeout", "idle_timeout"] as const)
    if (found[name] === 0)
      faults.push(`${name} is not limited: a proxy in between drops the startup options of the connection.`);
  return faults;
}
