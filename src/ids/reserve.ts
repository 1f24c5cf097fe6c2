import { randomUUID } from "node:crypto";
import { type Context, requireRole } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { type Answer, requestHash } from "../db/idempotency.ts";
import {
  badInput,
  DocketError,
  idempotencyKeyReused,
  idSpaceExhausted,
  projectNotFound,
  taskNotFound,
} from "../errors.ts";
import { ensureProject } from "../projects/create.ts";
import { combiner } from "./combiner.ts";
import { invalidArtifactType, requireArtifactType } from "./id-space.ts";
import { requireBranch, requireTaskForm, requireTtl } from "./request.ts";

export interface ReserveIds {
  readonly projectId: string;
  readonly artifactType: string;
  /** 1–100; 1 by default. */
  readonly count?: number | null | undefined;
  /** How long the numbers are held unconfirmed, in seconds; 15 minutes by default. */
  readonly ttlSeconds?: number | null | undefined;
  readonly branch?: string | null | undefined;
  readonly taskId?: string | null | undefined;
  readonly createProject?: boolean | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

export interface Reserved {
  readonly reservationId: string;
  readonly reservedIds: string[];
}

/** One request as the function reserve_ids takes it. */
type Request = Readonly<Record<string, string | number | null>> & { readonly projectId: string };

type Outcome =
  | { readonly result: Reserved; readonly replayed: boolean }
  | { readonly error: "INVALID_ARTIFACT_TYPE"; readonly validTypes: string[] }
  | { readonly error: "ID_SPACE_EXHAUSTED"; readonly namespace: string }
  | { readonly error: "PROJECT_NOT_FOUND" | "TASK_NOT_FOUND" | "IDEMPOTENCY_KEY_REUSED" };

const LARGEST_COUNT = 100;
const DEFAULT_TTL_SECONDS = 15 * 60;

/**
 * Reserves consecutive IDs: the lowest released run that fits, else the next numbers. They are held for the project
 * until they expire. Requests that wait in this process go to the database together, whatever their namespace.
 * @throws PROJECT_NOT_FOUND, TASK_NOT_FOUND, ID_SPACE_EXHAUSTED, IDEMPOTENCY_KEY_REUSED, FORBIDDEN; BAD_USER_INPUT for
 *   an invalid type, count or time.
 */
export async function reserveIds(ctx: Context, input: ReserveIds): Promise<Answer<Reserved>> {
  requireRole(ctx.viewer, "agent");
  requireVisible(ctx.viewer, input.projectId);
  const request = requestOf(ctx, input);
  if (input.createProject) {
    await refuseBeforeCreating(ctx, input);
    await ensureProject(ctx, input.projectId);
  }
  const outcome = await combined(ctx.db)(request);
  if ("error" in outcome) throw refusal(outcome, input);
  return { ...outcome.result, replayed: outcome.replayed };
}

function requestOf({ viewer, correlationId }: Context, input: ReserveIds): Request {
  const { projectId, artifactType, count, ttlSeconds, branch, taskId, idempotencyKey: key, ...rest } = input;
  if (count != null && (!Number.isInteger(count) || count < 1 || count > LARGEST_COUNT))
    throw badInput(`count is ${count}; it must be from 1 to ${LARGEST_COUNT}. For more, reserve again.`);
  if (key != null && (key.length < 1 || key.length > 255))
    throw badInput("idempotencyKey must have 1 to 255 characters.");
  const request = {
    reservationId: randomUUID(),
    projectId,
    artifactType: artifactType.toUpperCase(),
    count: count ?? 1,
    ttlSeconds: requireTtl(ttlSeconds ?? DEFAULT_TTL_SECONDS),
    branch: requireBranch(branch),
    taskId: requireTaskForm(taskId, projectId),
    actor: viewer.actor,
    client: viewer.client,
    correlationId,
    key: key ?? null,
    requestHash: requestHash("reserveIds", {
      projectId,
      artifactType,
      count,
      ttlSeconds,
      branch,
      taskId,
      ...rest,
    }).toString("hex"),
  };
  // PostgreSQL refuses a NUL and half a surrogate pair in jsonb; here they would fail the neighbours as well.
  const unfit = Object.entries(request).find(([, value]) => typeof value === "string" && /[\0\p{Cs}]/u.test(value));
  if (unfit) throw badInput(`${unfit[0]} contains characters that cannot be stored.`);
  return request;
}

/** A request that will be refused for its type leaves no new project behind. */
async function refuseBeforeCreating({ db }: Context, { projectId, artifactType }: ReserveIds): Promise<void> {
  const [types] = await db.read<{ artifactTypes: string[] }>(
    `SELECT artifact_types(coalesce((SELECT settings FROM projects WHERE project_id = $1), '{}')) AS "artifactTypes"`,
    [projectId],
  );
  if (types) requireArtifactType(types, artifactType);
}

function refusal(outcome: Extract<Outcome, { error: string }>, input: ReserveIds): DocketError {
  const { projectId, artifactType, taskId, idempotencyKey } = input;
  switch (outcome.error) {
    case "INVALID_ARTIFACT_TYPE":
      return invalidArtifactType(artifactType.toUpperCase(), outcome.validTypes);
    case "ID_SPACE_EXHAUSTED":
      return idSpaceExhausted(artifactType.toUpperCase(), outcome.namespace);
    case "PROJECT_NOT_FOUND":
      return projectNotFound(projectId);
    case "TASK_NOT_FOUND":
      return taskNotFound(taskId ?? "", projectId);
    case "IDEMPOTENCY_KEY_REUSED":
      return idempotencyKeyReused(idempotencyKey ?? "");
  }
}

const LARGEST_BATCH = 100;
const combiners = new WeakMap<Db, (request: Request) => Promise<Outcome>>();

/** The one queue of this process for a database. */
function combined(db: Db): (request: Request) => Promise<Outcome> {
  const known = combiners.get(db);
  if (known) return known;
  const made = combiner<Request, Outcome>((requests) => reserveTogether(db, requests), {
    largestBatch: LARGEST_BATCH,
    separable: (error) => !(error instanceof DocketError),
  });
  combiners.set(db, made);
  return made;
}

const RESERVE = { name: "ids-reserve", text: "SELECT reserve_ids($1::jsonb) AS outcome" };

/**
 * One SERIALIZABLE transaction alone in the lane: LOCK TABLE takes no snapshot, so what others committed while it waited
 * is seen, and no conflict is left. Safe to run again after a lost COMMIT, because reserve_ids answers a reservation's
 * UUID that it finds with what was reserved under it.
 */
function reserveTogether(db: Db, requests: readonly Request[]): Promise<Outcome[]> {
  return db.transaction(
    async (inside) => {
      await inside.write("LOCK TABLE id_lane IN EXCLUSIVE MODE");
      const rows = await inside.write<{ outcome: Outcome }>(RESERVE, [JSON.stringify(requests)]);
      return rows.map(({ outcome }) => outcome);
    },
    { isolation: "SERIALIZABLE", idempotent: true },
  );
}
