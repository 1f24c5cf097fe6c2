import { z } from "zod";
import { setting, wholeNumber } from "./setting.ts";

const postgresUrl = z.string().refine(isPostgresUrl, "must look like postgresql://user:password@host:5432/database");

/** The PostgreSQL that holds everything, and how much of it one request may take. */
export const database = z
  .object({
    DATABASE_URL: setting(postgresUrl.optional(), {
      meaning:
        "your own PostgreSQL 15+; `npx docket migrate --create` creates the database it names. Where its login may not create roles, " +
        "start-up prints the statement to run; where its owner may not create the extension `pg_trgm`, text searches " +
        "read every task, and the server's log says what to run",
      unset: "an embedded PostgreSQL",
    }),
    DATABASE_OWNER_URL: setting(postgresUrl.optional(), {
      meaning: "the login that owns the tables and migrates, if the server's should not",
      unset: "`DATABASE_URL`",
    }),
    DOCKET_POOL_SIZE: setting(wholeNumber(2, 25).default(25), {
      meaning:
        "database connections at most (25 is the highest); keys take turns, and one key uses at most a third of them",
      shown: true,
    }),
    DOCKET_REQUEST_SECONDS: setting(wholeNumber(1, 3_600).default(15), {
      meaning:
        "how long one request, or one frame of a subscription, may keep the database busy; waiting does not count",
      shown: true,
    }),
  })
  .refine((env) => env.DATABASE_URL || !env.DATABASE_OWNER_URL, {
    path: ["DATABASE_OWNER_URL"],
    error: "needs DATABASE_URL beside it",
  })
  .transform((env) => ({
    /** null: the PostgreSQL that comes with Docket, in `home`. */
    url: env.DATABASE_URL ?? null,
    /** The login that owns the tables and migrates; the same as `url` unless given. */
    ownerUrl: env.DATABASE_OWNER_URL ?? env.DATABASE_URL ?? null,
    /** Pooled connections at most. */
    poolSize: env.DOCKET_POOL_SIZE,
    /** How long one request may hold connections, in seconds. */
    requestSeconds: env.DOCKET_REQUEST_SECONDS,
  }))
  .readonly();

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.pathname.length > 1;
}
