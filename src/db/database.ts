import type pg from "pg";
import { isConnectionLost } from "./faults.ts";
import { FairPool, type PoolOptions } from "./pool.ts";
import { PooledClient } from "./pooled-client.ts";
import { CallerGone, currentRequester } from "./requester.ts";
import { reading, withConflictRetry, withReconnect } from "./retry.ts";

/** SQL text, or a statement that each connection prepares once under its name. */
export type Statement = string | { readonly name: string; readonly text: string };

type Values = readonly unknown[] | (() => readonly unknown[]);

export interface TransactionOptions {
  readonly isolation?: "READ COMMITTED" | "SERIALIZABLE";
  /** An idempotency key makes it safe to run again when the answer to COMMIT was lost. */
  readonly idempotent?: boolean;
  /** Statements without parameters that are sent together with BEGIN, for a lock that comes before all else. */
  readonly first?: string;
}

/** The pool, or the open transaction. A verb takes either and never knows which. */
export interface Db {
  /** Rows of a statement that changes nothing; run again when the connection is lost. */
  read<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * Rows of a statement that writes; run again only where `idempotent` makes that safe.
   * @param values or what makes them, each time that a connection is there to send them.
   */
  write<Row>(statement: Statement, values?: Values, options?: { idempotent?: boolean }): Promise<Row[]>;
  /** Runs `work` in a transaction; inside one, joins it. */
  transaction<T>(work: (db: Db) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

export interface Database extends Db {
  readonly pool: FairPool;
  /** Calls `listener` after every commit that may have left events in the inbox. */
  onCommit(listener: () => void): void;
  close(): Promise<void>;
}

/**
 * @throws from every method: DATABASE_UNAVAILABLE, once the retries of retry.ts are used up; QUERY_TOO_COMPLEX, when the
 *   request it serves goes beyond a limit.
 */
export function openDatabase(options: PoolOptions): Database {
  const { patience } = options;
  const pool = new FairPool(options);
  const listeners: (() => void)[] = [];
  const committed = () => {
    const requester = currentRequester();
    if (requester) requester.wrote = true;
    for (const listener of listeners) listener();
  };

  /** Whether the statement may have reached the server when the connection was lost. */
  function onConnection<T>(work: (client: pg.PoolClient, sent: () => void) => Promise<T>) {
    let maybeSent = false;
    return {
      run: async () => {
        const client = await pool.connect();
        try {
          const result = await work(client, () => {
            maybeSent = true;
            pool.keep(client);
          });
          client.release(client instanceof PooledClient && client.full);
          return result;
        } catch (error) {
          // A constraint violation leaves the connection usable; a lost one must not return to the pool.
          client.release(isConnectionLost(error));
          throw error;
        }
      },
      maybeSent: () => maybeSent,
    };
  }

  return {
    pool,
    onCommit: (listener) => void listeners.push(listener),
    close: () => pool.end(),

    async read<Row>(statement: Statement, values: readonly unknown[] = []) {
      const { run } = onConnection((client) => execute<Row>(client, statement, values));
      return reading(run);
    },

    async write<Row>(statement: Statement, values: Values = [], { idempotent = false } = {}) {
      const { run, maybeSent } = onConnection((client, sent) => {
        sent();
        return execute<Row>(client, statement, values);
      });
      const rows = await withReconnect(() => withConflictRetry(run, patience), { idempotent, maybeSent });
      // A claim that found nothing has left no event.
      if (rows.length > 0) committed();
      return rows;
    },

    async transaction<T>(work: (db: Db) => Promise<T>, options: TransactionOptions = {}) {
      const { isolation, idempotent = false, first } = options;
      const { run, maybeSent } = onConnection(async (client, sent) => {
        const begin = isolation ? `BEGIN ISOLATION LEVEL ${isolation}` : "BEGIN";
        try {
          await client.query(first ? `${begin}; ${first}` : begin);
          const result = await work(openTransaction(client));
          // Until COMMIT is sent, a lost connection has rolled everything back.
          const { stopped = null } = currentRequester() ?? {};
          // The work of a caller that went away meanwhile is done all the same: it may ask for the answer again.
          if (stopped && !(stopped instanceof CallerGone)) throw stopped;
          sent();
          await client.query("COMMIT");
          return result;
        } catch (error) {
          if (!isConnectionLost(error)) await client.query("ROLLBACK");
          throw error;
        }
      });
      const result = await withReconnect(() => withConflictRetry(run, patience), { idempotent, maybeSent });
      committed();
      return result;
    },
  };
}

function openTransaction(client: pg.PoolClient): Db {
  const tx: Db = {
    read: (statement, values = []) => execute(client, statement, values),
    write: (statement, values = []) => execute(client, statement, values),
    async transaction(work, { first } = {}) {
      if (first) await client.query(first);
      return work(tx);
    },
  };
  return tx;
}

async function execute<Row>(client: pg.PoolClient, statement: Statement, given: Values): Promise<Row[]> {
  const values = typeof given === "function" ? given() : given;
  const query = typeof statement === "string" ? { text: statement } : statement;
  if ("name" in query && client instanceof PooledClient) client.prepared.add(query.name);
  const result = await client.query({ ...query, values: [...values] });
  return result.rows as Row[];
}
