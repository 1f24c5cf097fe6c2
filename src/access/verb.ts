import type { Db } from "../db/database.ts";
import { errorCode, isConnectionLost } from "../db/faults.ts";
import { DocketError, forbidden } from "../errors.ts";
import { actingAs } from "./act-as.ts";
import { type Answer, atMostOnce, type IdempotentRequest, type KeyedRequest, keyedRequest } from "./idempotency.ts";
import { type Context, type Role, requireRole, type Viewer } from "./viewer.ts";
import { canSee, requireVisible } from "./visibility.ts";

/** What a verb is, for those who show it to callers. */
export interface Declaration {
  /** Also of its mutation, and of the operation that an idempotency key stands for. */
  readonly name: string;
  /** The lowest that may call it. */
  readonly role: Role;
  /** `ends`: it may take something away for good. */
  readonly effect: "adds" | "changes" | "ends";
  /**
   * What a key has to see: the one project that it acts on, every one of the projects that it names, or the whole
   * server, so that a key that is limited to some projects may never call it.
   */
  readonly scope: "project" | "projects" | "server";
  /** Whether asking twice, without an idempotency key, leaves what asking once leaves, but for times. */
  readonly idempotent: boolean;
}

interface Keyed {
  readonly idempotencyKey?: string | null | undefined;
}

/** Something that callers can do: whatever is written at their request is written by one. */
export interface Verb<Input extends object, Result extends object> {
  (ctx: Context, input: Input & Keyed): Promise<Answer<Result>>;
  readonly declared: Declaration;
}

/** How a verb is judged before its work begins; each function takes its input, or a part of it. */
export interface Judgement<Input, Subject> extends Declaration {
  /** Whether the answer proves something (an attempt), so that only the session that asked for it gets it again. */
  readonly ofSession?: boolean | ((input: Input) => boolean);
  /** What identifies a request under its key; its whole input unless told. */
  readonly identity?: (input: Input) => object;
  /** What keys are kept under, where the verb had another name first. */
  readonly operation?: string;
  /** Refuses input that is too much, then finds what the verb acts on: visible to the viewer, and locked. */
  readonly on: (ctx: Context, input: Input) => Promise<Subject>;
}

export interface Transaction<Input, Result> {
  /**
   * Tried first, outside of a transaction: it does and keeps what the verb would, or nothing and gives null. A key that
   * somebody else stored just then, and whatever is refused, is for the transaction to judge.
   */
  readonly shortcut?: (ctx: Context, input: Input, kept: KeyedRequest | null) => Promise<Result | null>;
  /** A statement without parameters that is sent together with BEGIN: for a lock that comes before that of any row. */
  readonly first?: string;
  /** The same for what depends on the input: run ahead of the idempotency key's row. */
  readonly before?: (db: Db, input: Input, viewer: Viewer) => Promise<void>;
}

/** What a verb acts on that judges for itself: it makes something, or acts on several projects. */
export async function nothing(): Promise<void> {}

/** What a verb acts on that needs no more than to know a project. @throws PROJECT_NOT_FOUND */
export async function visibleProject({ viewer }: Context, { projectId }: { readonly projectId: string }) {
  requireVisible(viewer, projectId);
}

/**
 * A verb whose work is done in one transaction, in the name of who asks, at most once per idempotency key. Each call is
 * judged in one order: role, idempotency, `on` (visibility, lock; of a task more, see `taskVerb`), and then what the
 * work judges of its subject. An answer that was given before is given again only to a caller who may still see all that it tells of: one subject's
 * tokens may differ.
 * The verb throws FORBIDDEN, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED, BAD_USER_INPUT for a bad key, and what `on` and
 * `work` throw.
 * @param kept what the same key and input get again: never a secret; null where they may ask anew. Default: the result.
 */
export function verb<Input extends object, Result extends object, Subject>(
  { first, before, shortcut, ...judgement }: Judgement<Input, Subject> & Transaction<Input, Result>,
  work: (ctx: Context, input: Input, subject: Subject) => Promise<Result>,
  kept?: (result: Result) => Result | null,
): Verb<Input, Result> {
  const run = async (ctx: Context, input: Input & Keyed): Promise<Answer<Result>> => {
    requireRole(ctx.viewer, judgement.role);
    const request = requestOf(input, judgement);
    const keyed = keyedRequest(request, ctx.viewer.client);
    const done = await shortcut?.(ctx, input, keyed).catch(leaveToJudgement);
    if (done) return { ...done, replayed: false };
    const answer = await atMostOnce(
      ctx,
      {
        operation: request.operation,
        keyed,
        first: first === undefined ? actingAs(ctx) : `${actingAs(ctx)}; ${first}`,
        before: before && ((db) => before(db, input, ctx.viewer)),
      },
      async (inside) => work(inside, input, await judgement.on(inside, input)),
      kept,
    );
    if (answer.replayed) requireToldVisible(ctx.viewer, input, answer);
    return answer;
  };
  return Object.assign(run, { declared: declarationOf(judgement) });
}

/**
 * A verb that keeps its idempotency key by a statement of its own, as its work is one statement or joins that of other
 * callers. What it acts on is visible before it is asked whether it was answered already, and locked by its statement.
 */
export function verbWithOwnKey<Input extends object, Result extends object>(
  judgement: Judgement<Input, void>,
  work: (ctx: Context, input: Input, request: KeyedRequest | null) => Promise<Answer<Result>>,
): Verb<Input, Result> {
  const run = async (ctx: Context, input: Input & Keyed): Promise<Answer<Result>> => {
    requireRole(ctx.viewer, judgement.role);
    const request = keyedRequest(requestOf(input, judgement), ctx.viewer.client);
    await judgement.on(ctx, input);
    return work(ctx, input, request);
  };
  return Object.assign(run, { declared: declarationOf(judgement) });
}

/**
 * What the order of judgement refuses: a fault of the input, a key that somebody else stored first, and what the database
 * does not let through (DK…, and values that do not fit).
 */
function leaveToJudgement(error: unknown): null {
  const isRefused = error instanceof DocketError && !isConnectionLost(error);
  if (isRefused || /^(DK|22)|^23505$/.test(errorCode(error) ?? "")) return null;
  throw error;
}

const declarationOf = ({ name, role, effect, scope, idempotent }: Declaration): Declaration => ({
  name,
  role,
  effect,
  scope,
  idempotent,
});

function requestOf<Input extends object>(
  input: Input & Keyed,
  { name, operation = name, ofSession = false, identity }: Judgement<Input, unknown>,
): IdempotentRequest {
  return {
    operation,
    input: identity ? { ...identity(input), idempotencyKey: input.idempotencyKey } : input,
    ofSession: typeof ofSession === "function" ? ofSession(input) : ofSession,
  };
}

/** @throws PROJECT_NOT_FOUND, FORBIDDEN unless the viewer may see what the first answer tells of. */
function requireToldVisible(viewer: Viewer, input: object, answer: object): void {
  if ("projectId" in input && typeof input.projectId === "string") requireVisible(viewer, input.projectId);
  const seen = projectsOf(answer).every((projectId) =>
    projectId === null ? viewer.projectIds === null : canSee(viewer, projectId),
  );
  if (!seen)
    throw forbidden(
      "The first answer to this idempotency key tells of a project that is now outside what you may see. Use a new key for a new request.",
    );
}

/** Every project that a result names, at any depth; null stands for every project there is. */
function projectsOf(result: unknown): (string | null)[] {
  if (result === null || typeof result !== "object") return [];
  return Object.entries(result).flatMap(([name, value]) => {
    if (name === "projectId" && typeof value === "string") return [value];
    if (name === "projectIds") return Array.isArray(value) ? value.map(String) : [null];
    return projectsOf(value);
  });
}
