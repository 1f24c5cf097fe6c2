import pg from "pg";
import type { Db, Statement } from "../../../src/db/database.ts";

const INT8 = 20;

/** Rows of one statement, prepared once under its name where it has one. */
async function execute<Row extends pg.QueryResultRow>(
  client: Pick<pg.PoolClient, "query">,
  statement: Statement,
  given: readonly unknown[] | (() => readonly unknown[]) = [],
): Promise<Row[]> {
  const values = typeof given === "function" ? given() : given;
  const query = typeof statement === "string" ? { text: statement } : statement;
  const { rows } = await client.query<Row>({ ...query, values: [...values] });
  return rows;
}

const bound = (client: Pick<pg.PoolClient, "query">) => ({
  read: <Row>(statement: Statement, values?: readonly unknown[]) =>
    execute<Row & pg.QueryResultRow>(client, statement, values),
  write: <Row>(statement: Statement, values?: readonly unknown[] | (() => readonly unknown[])) =>
    execute<Row & pg.QueryResultRow>(client, statement, values),
});

/** `pg` with nothing around it: no turns, no limits, no reconnecting. The same statements run on it as on Docket's pool. */
export function openBareDb(url: string, size: number): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    idleTimeoutMillis: 0,
    options: "-c timezone=UTC -c jit=off",
    types: {
      getTypeParser: ((oid: number, format?: "text" | "binary") =>
        oid === INT8 && format !== "binary"
          ? Number
          : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  return {
    ...bound(pool),
    async transaction(work, { isolation, first } = {}) {
      const client = await pool.connect();
      const inside: Db = { ...bound(client), transaction: (joined) => joined(inside) };
      try {
        const begin = isolation ? `BEGIN ISOLATION LEVEL ${isolation}` : "BEGIN";
        await client.query(first ? `${begin}; ${first}` : begin);
        const result = await work(inside);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
  };
}
