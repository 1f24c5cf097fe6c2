import { escapeLiteral } from "pg";
import type { TransactionOptions } from "../db/database.ts";
import type { Context } from "./viewer.ts";

const saying = (actor: string, client: string, correlationId: string) =>
  `SELECT act_as(${actor}, ${client}, ${correlationId})`;

const ACT_AS = { name: "act-as", text: saying("$1", "$2", "$3") };

/**
 * Says in whose name the rest of a transaction acts: every event that it leaves names them, whoever leaves it (`append`, a
 * trigger, an SQL function).
 * @param inside with the open transaction.
 */
export async function actAs({ db, viewer, correlationId }: Context): Promise<void> {
  await db.write(ACT_AS, [viewer.actor, viewer.client, correlationId]);
}

/** SQL: the same without parameters, to be sent together with BEGIN. */
export const actingAs = ({ viewer, correlationId }: Omit<Context, "db">) => {
  const [actor = "", client = "", correlation = ""] = [viewer.actor, viewer.client, correlationId].map((text) =>
    text === null ? "NULL" : escapeLiteral(text),
  );
  return saying(actor, client, correlation);
};

/** Runs work in a transaction that acts in the name of who asks; inside one, joins it. */
export function acting<T>(
  ctx: Context,
  work: (inside: Context) => Promise<T>,
  options?: Omit<TransactionOptions, "first">,
): Promise<T> {
  return ctx.db.transaction((db) => work({ ...ctx, db }), { ...options, first: actingAs(ctx) });
}

/**
 * The same for a statement that is a transaction of its own, as a CTE; what writes has to be joined with it, so that it is
 * said by then.
 * @param actor SQL, as the others; where all are NULL, the server acts.
 */
export const caller = (actor: string, client: string, correlationId: string) =>
  `caller AS MATERIALIZED (${saying(actor, client, correlationId)})`;

/** SQL: the value that all of a parameter's have; NULL where they differ. */
export const onlyOf = (parameter: string) =>
  `CASE WHEN (${parameter}::text[])[1] = ALL (${parameter}::text[]) THEN (${parameter}::text[])[1] END`;
