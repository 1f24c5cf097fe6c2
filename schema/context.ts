import type { RateLimits } from "../src/access/rate-limits.ts";
import type { Viewer } from "../src/access/viewer.ts";
import type { Database, Db } from "../src/db/database.ts";
import type { Prisma } from "../src/db/prisma.ts";
import type { Log } from "../src/log/log.ts";

/** What lives as long as the process. */
export interface Services {
  readonly database: Database;
  readonly prisma: Prisma;
  readonly log: Log;
  readonly jobs: Jobs;
  readonly limits: RateLimits;
}

/** The background jobs, as one process knows them. */
export interface Jobs {
  /** Every job, those too that this process does not run. @throws DATABASE_UNAVAILABLE */
  state(): Promise<JobShape[]>;
}

/** How a job fares: what this process does of it, and how late it is whoever does it. */
export interface JobShape {
  /** As DOCKET_JOBS names it. */
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly lagSeconds: number | null;
  readonly steps: readonly JobStepShape[];
}

/** How something that a job does fares in this process; instants by the database's clock. */
export interface JobStepShape {
  readonly description: string;
  readonly lastRunAt: Date | null;
  readonly dueAt: Date | null;
  readonly failures: number;
  readonly lastFailure: string | null;
}

/** Where a loader reads. */
export interface Sources {
  readonly db: Db;
  readonly log: Log;
}

/** What a resolver sees: the verb's context, the services, and what belongs to this one request. */
export interface GraphQLContext {
  readonly db: Database;
  readonly prisma: Prisma;
  readonly log: Log;
  readonly jobs: Jobs;
  readonly limits: RateLimits;
  readonly viewer: Viewer;
  readonly correlationId: string;
  /** The header Idempotency-Key of an HTTP request. */
  readonly idempotencyKey: string | null;
  /** The header Last-Event-ID of an HTTP request: the id of the last frame that a client saw before a break. */
  readonly lastEventId: string | null;
  /** Aborted when the caller goes away before its answer. */
  readonly gone: () => AbortSignal;
  /** In a subscription the cursor of the frame that is executed; null in a query or mutation. */
  asOf: string | null;
}

export interface Caller {
  readonly viewer: Viewer;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  readonly lastEventId: string | null;
  readonly gone: () => AbortSignal;
}

export function createContext({ database, prisma, log, jobs, limits }: Services, caller: Caller): GraphQLContext {
  return { db: database, prisma, log, jobs, limits, ...caller, asOf: null };
}

/** Begins a frame of a subscription: what it shows is as new as the frame. */
export function beginFrame<Frame extends { readonly cursor: string }>(frame: Frame, ctx: GraphQLContext): Frame {
  ctx.asOf = frame.cursor;
  return frame;
}

/**
 * The cursor to go on from. A client that resumes by itself repeats its first `after`, and sends the newer place as
 * Last-Event-ID.
 */
export function resumeFrom({ lastEventId }: GraphQLContext, after: string | null | undefined): string | null {
  return lastEventId ?? after ?? null;
}

export const ALLOW_JUMP =
  "Register IDs more than the project's idJumpLimit above the highest number there is. The numbers between are never given. " +
  "FORBIDDEN unless this key is an admin's and sees every project of the namespace.";
