import DataLoader from "dataloader";
import type { GraphQLResolveInfo } from "graphql";
import type { Viewer } from "../src/access/viewer.ts";
import type { Database } from "../src/db/database.ts";
import type { Prisma } from "../src/db/prisma.ts";
import { type IdSequence, idRegistries } from "../src/ids/registry.ts";
import type { Log } from "../src/log/log.ts";
import { type StatusCount, statusCountsLoader } from "../src/tasks/status-counts.ts";

/** What lives as long as the process. */
export interface Services {
  readonly database: Database;
  readonly prisma: Prisma;
  readonly log: Log;
}

/** What a resolver sees: the verb's context, the services, and what belongs to this one request. */
export interface GraphQLContext {
  readonly db: Database;
  readonly prisma: Prisma;
  readonly log: Log;
  readonly viewer: Viewer;
  readonly correlationId: string;
  /** The header Idempotency-Key of an HTTP request. */
  readonly idempotencyKey: string | null;
  /** The header Last-Event-ID of an HTTP request: the id of the last frame that a client saw before a break. */
  readonly lastEventId: string | null;
  /** Told the cursor of each frame of a subscription before it is executed. */
  readonly onFrame: (cursor: string) => void;
  /** Set by Yoga for what comes over HTTP: aborted when the caller goes away before its answer. */
  readonly request?: { readonly signal: AbortSignal };
  readonly statusCounts: DataLoader<string, StatusCount[]>;
  readonly idRegistries: DataLoader<string, IdSequence[]>;
}

export interface Caller {
  readonly viewer: Viewer;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  readonly lastEventId: string | null;
  readonly onFrame: (cursor: string) => void;
}

export function createContext({ database, prisma, log }: Services, caller: Caller): GraphQLContext {
  const ctx = { db: database, prisma, log, ...caller };
  return {
    ...ctx,
    statusCounts: statusCountsLoader(database),
    // Without a cache, so that a mutation's payload shows what the mutation did.
    idRegistries: new DataLoader((projectIds) => idRegistries(ctx, projectIds), { cache: false }),
  };
}

/** The input with the request's Idempotency-Key, one per response path, where it brings no key of its own. */
export function keyed<Input extends { idempotencyKey?: string | null | undefined }>(
  input: Input,
  { idempotencyKey }: GraphQLContext,
  { path }: GraphQLResolveInfo,
): Input {
  return input.idempotencyKey == null && idempotencyKey !== null
    ? { ...input, idempotencyKey: `${idempotencyKey}:${path.key}` }
    : input;
}

/** The cursor to go on from. A client that resumes by itself repeats its first `after`, and knows better by now. */
export function resumeFrom({ lastEventId }: GraphQLContext, after: string | null | undefined): string | null {
  return lastEventId ?? after ?? null;
}

export const replayedDescription = "True when this is the answer given before to the same idempotencyKey.";
