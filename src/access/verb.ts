import { type Answer, atMostOnce, type IdempotentRequest } from "../db/idempotency.ts";
import { forbidden } from "../errors.ts";
import { type Context, type Role, requireRole } from "./viewer.ts";
import { canSee, requireVisible } from "./visibility.ts";

export interface VerbRequest extends IdempotentRequest {
  /** The lowest that may call it. */
  readonly role: Role;
  readonly input: IdempotentRequest["input"] & { readonly projectId?: string | null | undefined };
}

/**
 * Runs a verb's work in one transaction, at most once per idempotency key, for whoever has its role. An answer that was
 * given before is given again only to a caller who may still see all that it tells of: one subject's tokens may differ.
 * @throws FORBIDDEN, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED; BAD_USER_INPUT for a bad key.
 */
export async function once<Result extends object>(
  ctx: Context,
  request: VerbRequest,
  work: (ctx: Context) => Promise<Result>,
  stored?: (result: Result) => boolean,
): Promise<Answer<Result>> {
  requireRole(ctx.viewer, request.role);
  const answer = await atMostOnce(ctx, request, work, stored);
  if (answer.replayed) {
    if (request.input.projectId != null) requireVisible(ctx.viewer, request.input.projectId);
    if (
      !projectsOf(answer).every((projectId) =>
        projectId === null ? ctx.viewer.projectIds === null : canSee(ctx.viewer, projectId),
      )
    )
      throw forbidden(
        "The first answer to this idempotency key tells of a project that is now outside what you may see. Use a new key for a new request.",
      );
  }
  return answer;
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
