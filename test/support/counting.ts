import type { Context } from "../../src/access/viewer.ts";
import type { Db } from "../../src/db/database.ts";

/** The same context, which notes each statement. */
export function counting(ctx: Context, statements: string[]): Context {
  const of = (db: Db): Db => ({
    read: (statement, values) => db.read(note(statement), values),
    write: (statement, values, options) => db.write(note(statement), values, options),
    transaction: (work, options) => db.transaction((inside) => work(of(inside)), options),
  });
  const note: <Statement extends string | { readonly name: string }>(statement: Statement) => Statement = (
    statement,
  ) => {
    statements.push(typeof statement === "string" ? statement : statement.name);
    return statement;
  };
  return { ...ctx, db: of(ctx.db) };
}
