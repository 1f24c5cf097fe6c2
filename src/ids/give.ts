import { randomUUID } from "node:crypto";
import { caller } from "../access/act-as.ts";
import { byEitherName, identityByFormer } from "../access/former-name.ts";
import type { Answer, KeyedRequest } from "../access/idempotency.ts";
import type { Context } from "../access/viewer.ts";
import { combiner } from "../db/combiner.ts";
import type { Db } from "../db/database.ts";
import { isStorable } from "../db/storable.ts";
import {
  badInput,
  DocketError,
  idempotencyKeyReused,
  idSpaceExhausted,
  projectArchived,
  projectNotFound,
  taskNotFound,
} from "../errors.ts";
import { keptFor } from "../kept-for.ts";
import { ensureProject } from "../projects/create.ts";
import { invalidArtifactType, requireArtifactType } from "./id-space.ts";
import { requireBranch, requireTaskForm } from "./request.ts";
import type { Reservation } from "./reservations.ts";

/** What reserveIds and takeId have in common. */
export interface GiveIds {
  readonly projectId: string;
  readonly artifactType: string;
  /** The Git branch where the artifact is made; a note for people. */
  readonly branchName?: string | null | undefined;
  /** What `branchName` was called first. */
  readonly branch?: string | null | undefined;
  /** A task of the project, for which the artifact is made. */
  readonly taskId?: string | null | undefined;
  readonly createProject?: boolean | null | undefined;
}

interface Asked {
  /** What idempotency keys are kept under. */
  readonly operation: "reserveIds" | "nextId";
  readonly input: GiveIds;
  readonly keyed: KeyedRequest | null;
  readonly count: number;
  /** null: confirmed at once. */
  readonly ttlSeconds: number | null;
}

/** One request as the function give_ids takes it. */
type Request = Readonly<Record<string, string | number | null>>;

/** The rest of a reservation as it was made. */
type Made = Pick<Reservation, "projectId" | "namespace" | "artifactType" | "branch" | "taskId"> &
  Readonly<Record<"reservedAt" | "expiresAt", string>>;

type GivenOrRefused =
  | { readonly result: object; readonly replayed: boolean; readonly made?: Made }
  | { readonly error: "INVALID_ARTIFACT_TYPE"; readonly validTypes: string[] }
  | { readonly error: "ID_SPACE_EXHAUSTED"; readonly namespace: string }
  | { readonly error: "PROJECT_NOT_FOUND" | "PROJECT_ARCHIVED" | "TASK_NOT_FOUND" | "IDEMPOTENCY_KEY_REUSED" };

/**
 * Gives consecutive numbers. Requests that wait in this process go to the database together, whatever their namespace;
 * give_ids keeps the idempotency key, appends the event and makes the `Result`.
 */
export async function giveIds<Result extends object>(
  ctx: Context,
  asked: Asked,
): Promise<{ readonly answer: Answer<Result>; readonly rest: Made | null }> {
  const { input } = asked;
  const request = requestOf(ctx, asked);
  if (input.createProject) {
    await refuseBeforeCreating(ctx, input);
    await ensureProject(ctx, input.projectId);
  }
  const outcome = await combined(ctx.db)(request);
  if ("error" in outcome) throw refusal(outcome, asked);
  return { answer: { ...(outcome.result as Result), replayed: outcome.replayed }, rest: outcome.made ?? null };
}

/** What identifies a request: by either name of the branch it is the same. */
export const identityOf = (input: GiveIds) => identityByFormer(input, "branchName", "branch");

function requestOf({ viewer, correlationId }: Context, { operation, input, keyed, count, ttlSeconds }: Asked): Request {
  const request = {
    operation,
    reservationId: randomUUID(),
    projectId: input.projectId,
    artifactType: input.artifactType.toUpperCase(),
    count,
    ttlSeconds,
    branch: requireBranch(byEitherName(input, "branchName", "branch")),
    taskId: requireTaskForm(input.taskId, input.projectId),
    actor: viewer.actor,
    client: viewer.client,
    correlationId,
    key: keyed?.key ?? null,
    requestHash: keyed?.hash.toString("hex") ?? null,
  };
  // PostgreSQL refuses a NUL and half a surrogate pair in jsonb; here they would fail the neighbours as well.
  const unfit = Object.entries(request).find(([, value]) => typeof value === "string" && !isStorable(value));
  if (unfit) throw badInput(`${unfit[0]} contains characters that cannot be stored.`);
  return request;
}

/** A request that will be refused for its type leaves no new project behind. */
async function refuseBeforeCreating({ db }: Context, { projectId, artifactType }: GiveIds): Promise<void> {
  const [types] = await db.read<{ artifactTypes: string[] }>(
    `SELECT artifact_types(coalesce((SELECT settings FROM projects WHERE project_id = $1), '{}')) AS "artifactTypes"`,
    [projectId],
  );
  if (types) requireArtifactType(types, artifactType);
}

function refusal(outcome: Extract<GivenOrRefused, { error: string }>, { input, keyed }: Asked): DocketError {
  const { projectId, artifactType, taskId } = input;
  switch (outcome.error) {
    case "INVALID_ARTIFACT_TYPE":
      return invalidArtifactType(artifactType.toUpperCase(), outcome.validTypes);
    case "ID_SPACE_EXHAUSTED":
      return idSpaceExhausted(artifactType.toUpperCase(), outcome.namespace);
    case "PROJECT_NOT_FOUND":
      return projectNotFound(projectId);
    case "PROJECT_ARCHIVED":
      return projectArchived(projectId);
    case "TASK_NOT_FOUND":
      return taskNotFound(taskId ?? "", projectId);
    case "IDEMPOTENCY_KEY_REUSED":
      return idempotencyKeyReused(keyed?.key ?? "");
  }
}

const LARGEST_BATCH = 100;

/** The one queue of this process for a database. */
const combined = keptFor((db: Db) =>
  combiner<Request, GivenOrRefused>((take) => giveTogether(db, take()), {
    largestBatch: LARGEST_BATCH,
    separable: (error) => !(error instanceof DocketError),
  }),
);

/** Triggers are told who acts where all of a batch are of one caller; the events name theirs in any case. */
const GIVE = {
  name: "ids-give-batch",
  text: `WITH ${caller("$3", "$4", "$5")} SELECT give_ids($1::jsonb, $2) AS outcome FROM caller`,
};

const WHO = ["actor", "client", "correlationId"] as const;

function callerOf([first, ...others]: readonly Request[]): (string | number | null)[] {
  const one = first !== undefined && others.every((other) => WHO.every((name) => other[name] === first[name]));
  return one ? WHO.map((name) => first[name] ?? null) : [null, null, null];
}

/**
 * Requests that were sent once: whether that was committed is not known when the connection was lost. Those that are sent
 * again one by one, after their batch failed, are among them.
 */
const sent = new WeakSet<Request>();

/**
 * One SERIALIZABLE transaction alone in the lane: LOCK TABLE takes no snapshot, so what others committed while it waited
 * is seen, and no conflict is left. Safe to run again after a lost COMMIT, because give_ids is told and finds what it gave
 * under a request's UUID.
 */
function giveTogether(db: Db, requests: readonly Request[]): Promise<GivenOrRefused[]> {
  return db.transaction(
    async (inside) => {
      const repeated = requests.some((request) => sent.has(request));
      for (const request of requests) sent.add(request);
      const rows = await inside.write<{ outcome: GivenOrRefused }>(GIVE, [
        JSON.stringify(requests),
        repeated,
        ...callerOf(requests),
      ]);
      return rows.map(({ outcome }) => outcome);
    },
    { first: "LOCK TABLE id_lane IN EXCLUSIVE MODE", isolation: "SERIALIZABLE", idempotent: true },
  );
}
