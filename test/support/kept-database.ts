import type { Client } from "pg";
import { connect } from "../../src/db/connect.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { type Emptier, emptier } from "./empty.ts";
import { PATIENCE } from "./patience.ts";

/** A database as new with its connections: a database and connections of its own for each test would take ten times as long. */
export interface KeptDatabase {
  readonly test: TestDatabase;
  /** The connection of the tables' owner. */
  readonly owner: Client;
  readonly database: Database;
  /**
   * Takes out what was left in it and keeps it for who takes one next; drops it where it is not as new.
   * @param passed whether what was done with it went well: what has failed may go on in it.
   */
  giveBack(passed?: boolean): Promise<void>;
}

/** Those that nobody has at present. A file may have one for all its tests and another for one of them. */
const spare: Opened[] = [];
const MOST_SPARE = 2;

interface Opened {
  readonly test: TestDatabase;
  readonly owner: Client;
  readonly database: Database;
  /** Who hears of the database's commits. */
  readonly listeners: Set<() => void>;
  readonly empty: Emptier;
}

export async function takeDatabase(): Promise<KeptDatabase> {
  const opened = spare.pop() ?? (await open());
  const { test, owner, database, listeners } = opened;
  const onCommit = (listener: () => void) => void listeners.add(listener);
  return {
    test,
    owner,
    // Whoever uses it for a while may not close it.
    database: { ...database, onCommit, close: async () => undefined },
    async giveBack(passed = true) {
      listeners.clear();
      if (passed && spare.length < MOST_SPARE && (await isAsNew(opened))) spare.push(opened);
      else await close(opened);
    },
  };
}

async function open(): Promise<Opened> {
  const test = await createTestDatabase();
  const owner = await connect(test.ownerUrl, "docket test owner");
  const database = openDatabase({ url: test.url, size: 25, applicationName: "docket", patience: PATIENCE });
  const listeners = new Set<() => void>();
  database.onCommit(() => {
    for (const listener of listeners) listener();
  });
  return { test, owner, database, listeners, empty: await emptier(owner) };
}

async function isAsNew({ owner, database: { pool }, empty }: Opened): Promise<boolean> {
  if (pool.ending || pool.idleCount < pool.totalCount) return false;
  try {
    owner.removeAllListeners("notification").removeAllListeners("notice");
    // What a test has set for its session.
    await owner.query("ROLLBACK");
    await owner.query(
      "UNLISTEN *; RESET ROLE; RESET SESSION AUTHORIZATION; RESET ALL; SELECT pg_advisory_unlock_all()",
    );
    return await empty(() => 1 + pool.totalCount);
  } catch {
    return false;
  }
}

async function close({ test, owner, database }: Opened): Promise<void> {
  if (!database.pool.ending) await database.close();
  await owner.end();
  await test.drop();
}
