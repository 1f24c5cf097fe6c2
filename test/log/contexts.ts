import { createContext, type GraphQLContext } from "../../schema/context.ts";
import type { Viewer } from "../../src/access/viewer.ts";
import type { Database } from "../../src/db/database.ts";
import { openPrisma } from "../../src/db/prisma.ts";
import { noJobs } from "../support/no-jobs.ts";
import { ADMIN, type TestLog } from "./test-log.ts";

/** Makes contexts of GraphQL operations over a log; what is not Prisma's they read through `database`. */
export function contextsOver(at: TestLog, database: Database): (viewer?: Viewer) => GraphQLContext {
  const services = { database, prisma: openPrisma(at.database.pool), log: at.log, jobs: noJobs, limits: {} };
  return (viewer = ADMIN) =>
    createContext(services, {
      viewer,
      correlationId: "c",
      idempotencyKey: null,
      lastEventId: null,
      gone: () => new AbortController().signal,
    });
}
