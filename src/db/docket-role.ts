import { type Client, escapeIdentifier } from "pg";
import { errorCode } from "./faults.ts";

/** The role of all pooled connections: it owns nothing. One per cluster, shared by all its Docket databases. */
export const DOCKET_ROLE = "docket_app";

const INSUFFICIENT_PRIVILEGE = "42501";
const UNDEFINED_ROLE = "42704";
/**
 * Another Docket does the same at this moment: duplicate_object, unique_violation, and "tuple concurrently updated",
 * which has no code of its own (internal_error).
 */
const DONE_MEANWHILE = new Set(["42710", "23505", "XX000"]);

/**
 * Makes sure that the role exists and that each of `logins` may change to it; changes nothing when all is so.
 * @param owner connection of a login that may create roles, unless an administrator has done it all before.
 * @throws Error with the exact SQL for an administrator when the owner may not.
 */
export async function ensureDocketRole(owner: Client, logins: readonly string[]): Promise<void> {
  const { rows } = await owner.query<{ version: number; exists: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version,
       EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS exists`,
    [DOCKET_ROLE],
  );
  // Since PostgreSQL 16 a membership may lack SET, as the one has that a role's creator gets by itself.
  const hasSetOption = (rows[0]?.version ?? 0) >= 160_000;
  if (!rows[0]?.exists) await administer(owner, `CREATE ROLE ${DOCKET_ROLE} NOLOGIN`, logins);
  for (const login of new Set(logins)) {
    if (await isMember(owner, login, hasSetOption ? "SET" : "MEMBER")) continue;
    const grant = `GRANT ${DOCKET_ROLE} TO ${escapeIdentifier(login)}${hasSetOption ? " WITH SET TRUE" : ""}`;
    await administer(owner, grant, logins);
  }
}

async function administer(owner: Client, statement: string, logins: readonly string[]): Promise<void> {
  try {
    await owner.query(statement);
  } catch (error) {
    const code = errorCode(error) ?? "";
    if (DONE_MEANWHILE.has(code)) return;
    if (code !== INSUFFICIENT_PRIVILEGE) throw error;
    const grant = `GRANT ${DOCKET_ROLE} TO ${[...new Set(logins)].map((login) => escapeIdentifier(login)).join(", ")};`;
    const create = statement.startsWith("CREATE") ? `CREATE ROLE ${DOCKET_ROLE} NOLOGIN;\n` : "";
    throw new Error(
      `The owner of the database may not set up the role ${DOCKET_ROLE}. ` +
        `Ask an administrator of PostgreSQL to run this once, then start again:\n${create}${grant}`,
      { cause: error },
    );
  }
}

async function isMember(owner: Client, login: string, privilege: "SET" | "MEMBER"): Promise<boolean> {
  try {
    const { rows } = await owner.query<{ may: boolean }>("SELECT pg_has_role($1, $2::name, $3) AS may", [
      login,
      DOCKET_ROLE,
      privilege,
    ]);
    return rows[0]?.may === true;
  } catch (error) {
    if (errorCode(error) !== UNDEFINED_ROLE) throw error;
    throw new Error(`The login ${login} of DATABASE_URL does not exist in PostgreSQL. Check the URL.`, {
      cause: error,
    });
  }
}
