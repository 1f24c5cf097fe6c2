import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { PrismaClient } from "../../prisma/generated/client/client.ts";
import { reading } from "./retry.ts";

/**
 * The time limit of a transaction in which Prisma reads what belongs together, in milliseconds. Prisma's own limits are
 * shorter than the wait for a turn may be; the pool bounds the work.
 */
const TRANSACTION_LIMITS = { maxWait: 60_000, timeout: 60_000 };

/** Prisma reads, and only reads; every write is SQL in a verb. It shares the pool and its retries. */
export function openPrisma(pool: pg.Pool) {
  return new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions: TRANSACTION_LIMITS }).$extends({
    query: { $allOperations: ({ args, query }) => reading(() => query(args)) },
  });
}

export type Prisma = ReturnType<typeof openPrisma>;
