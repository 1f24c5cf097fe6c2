import { badInput, forbidden, projectNotFound } from "../errors.ts";
import type { Context, Viewer } from "./viewer.ts";

/** What decides what a viewer sees. */
export type Sight = Pick<Viewer, "projectIds">;

/** What a read works with for whoever sees the same. */
export interface Looking {
  readonly db: Context["db"];
  readonly viewer: Sight;
}

/**
 * The projects a viewer may see, as the parameter of `($n::text[] IS NULL OR project_id = ANY ($n))`: null is every
 * project. Every read goes through this or `visibleAmong`.
 */
export function visibleProjects(viewer: Sight): readonly string[] | null {
  return viewer.projectIds;
}

/** The same as a Prisma condition on a model that has `projectId`. */
export function visibleWhere(viewer: Viewer): { projectId?: { in: string[] } } {
  return viewer.projectIds === null ? {} : { projectId: { in: [...viewer.projectIds] } };
}

/**
 * An API key or a webhook for some projects is administered by admins whose own projects, the parameter `$n`, hold all
 * of these; one for every project, by unlimited admins only.
 */
export const within = (n: number) => `($${n}::text[] IS NULL OR project_ids <@ $${n})`;

export function canSee(viewer: Sight, projectId: string): boolean {
  return viewer.projectIds === null || viewer.projectIds.includes(projectId);
}

/** The same for what names its project. */
export const sees = (viewer: Sight, { projectId }: { readonly projectId: string }) => canSee(viewer, projectId);

/**
 * Whether a viewer sees the events of a project; those of the server itself, which belong to none (null), are for
 * unlimited admins.
 */
export function seesEventsOf(viewer: Viewer, { projectId }: { readonly projectId: string | null }): boolean {
  if (projectId !== null) return canSee(viewer, projectId);
  return viewer.projectIds === null && viewer.role === "admin";
}

/** What `within` asks, of something that was read, also by Prisma: to it null is an empty list. */
export function administers(
  { role, projectIds: own }: Viewer,
  { projectIds }: { readonly projectIds: readonly string[] | null },
): boolean {
  if (role !== "admin") return false;
  return own === null || (projectIds !== null && projectIds.length > 0 && projectIds.every((id) => own.includes(id)));
}

/** @throws PROJECT_NOT_FOUND for a project outside the viewer's, as for one that does not exist. */
export function requireVisible(viewer: Sight, projectId: string): void {
  if (!canSee(viewer, projectId)) throw projectNotFound(projectId);
}

/**
 * For lists and filters that name projects: each exists and is visible.
 * @throws PROJECT_NOT_FOUND for the first that does not, or is not.
 */
export async function requireProjects({ db, viewer }: Looking, projectIds: readonly string[]): Promise<void> {
  for (const projectId of projectIds) requireVisible(viewer, projectId);
  if (projectIds.length === 0) return;
  const [missing] = await db.read<{ project_id: string }>(MISSING, [projectIds]);
  if (missing) throw projectNotFound(missing.project_id);
}

const MISSING = {
  name: "projects-missing",
  text: `SELECT given.project_id FROM unnest($1::text[]) AS given(project_id)
WHERE NOT EXISTS (SELECT FROM projects p WHERE p.project_id = given.project_id) LIMIT 1`,
};

/**
 * The same for what is read anyhow, where the answer tells of most projects that they exist.
 * @param told the projects of which something was read.
 * @throws PROJECT_NOT_FOUND, also where reading failed for another reason.
 */
export async function amongProjects<Read>(
  ctx: Looking,
  projectIds: readonly string[],
  read: () => Promise<Read>,
  told: (read: Read) => Iterable<string>,
): Promise<Read> {
  for (const projectId of projectIds) requireVisible(ctx.viewer, projectId);
  const found = await read().catch(async (error: unknown) => {
    await requireProjects(ctx, projectIds);
    throw error;
  });
  const existing = new Set(told(found));
  await requireProjects(
    ctx,
    projectIds.filter((projectId) => !existing.has(projectId)),
  );
  return found;
}

/**
 * The projects that something is made for, null for every one: it reaches no further than who makes it.
 * @throws FORBIDDEN for every project by a viewer that is limited; BAD_USER_INPUT, PROJECT_NOT_FOUND
 */
export async function checkProjects(
  ctx: Pick<Context, "db" | "viewer">,
  what: "key" | "webhook",
  given: readonly string[] | null | undefined,
): Promise<readonly string[] | null> {
  if (given == null) {
    const own = ctx.viewer.projectIds;
    if (own === null) return null;
    throw forbidden(
      `Your key is limited to ${own.join(", ")}: name projectIds among these, as a ${what} cannot reach further than the key that makes it.`,
    );
  }
  const wanted = [...new Set(given)].sort();
  if (wanted.length === 0) throw badInput("projectIds must name at least one project; leave it out for every project.");
  await requireProjects(ctx, wanted);
  return wanted;
}
