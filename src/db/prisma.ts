import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "../../prisma/generated/client/client.ts";
import { withReconnect } from "./retry.ts";

/** Prisma reads, and only reads; every write is SQL in a verb. It shares the pool and its retries. */
export function openPrisma(pool: pg.Pool) {
  return new PrismaClient({ adapter: new PrismaPg(pool) }).$extends({
    query: { $allOperations: ({ args, query }) => withReconnect(() => query(args)) },
  });
}

export type Prisma = ReturnType<typeof openPrisma>;
