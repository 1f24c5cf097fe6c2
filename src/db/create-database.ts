import { escapeIdentifier } from "pg";
import { connect } from "./connect.ts";
import { errorCode, NO_SUCH_DATABASE } from "./faults.ts";

/** Someone else created it first: duplicate_database, or unique_violation when at the very same moment. */
const CREATED_MEANWHILE = new Set(["42P04", "23505"]);
const INSUFFICIENT_PRIVILEGE = "42501";

/**
 * Creates the database that `url` names, when it is missing, in UTF-8.
 * @returns whether it was created.
 * @throws DocketError DATABASE_UNAVAILABLE when the server cannot be reached; Error when the login may not create it.
 */
export async function createDatabase(url: string): Promise<boolean> {
  try {
    await (await connect(url, "docket create database")).end();
    return false;
  } catch (error) {
    if (errorCode(error) !== NO_SUCH_DATABASE) throw error;
  }
  const target = new URL(url);
  const name = decodeURIComponent(target.pathname.slice(1));
  target.pathname = "/postgres";
  const statement = `CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`;
  const client = await connect(target.href, "docket create database");
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    const code = errorCode(error);
    if (code !== undefined && CREATED_MEANWHILE.has(code)) return false;
    if (code !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new Error(
      `The login of the database URL may not create databases. Ask an administrator to run:\n${statement} OWNER ${escapeIdentifier(client.user ?? "")};`,
      { cause: error },
    );
  } finally {
    await client.end();
  }
}
