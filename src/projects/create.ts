import { acting } from "../access/act-as.ts";
import { nothing, verb } from "../access/verb.ts";
import { type Context, requireRole } from "../access/viewer.ts";
import { canSee } from "../access/visibility.ts";
import { badInput, forbidden, projectNotFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { type BudgetInput, budgetDocument, setBudget } from "./budget.ts";
import { enterNamespace, givenReuse, type ReuseInput, setReuse } from "./namespace.ts";
import { givenSettings, readSettings, requireName, type SettingsInput } from "./settings.ts";

export interface CreateProject extends SettingsInput, ReuseInput, BudgetInput {
  readonly projectId: string;
  readonly name: string;
  readonly idNamespace?: string | null | undefined;
}

const SLUG = /^[a-z0-9][a-z0-9-]{0,99}$/;

/** Whether a project, or a namespace, could be called so. */
export const isSlug = (text: string): boolean => SLUG.test(text);

/**
 * Agents create projects with a namespace of their own; sharing one, or changing its reuse or idJumpLimit, takes an
 * admin. A key that is limited to some projects creates none.
 * @throws BAD_USER_INPUT when it exists already; FORBIDDEN
 */
export const createProject = verb(
  { name: "createProject", role: "agent", effect: "adds", scope: "server", idempotent: true, on: nothing },
  async (ctx, input: CreateProject) => {
    const created = await insertProject(ctx, input);
    if (!created) throw badInput(`Project ${input.projectId} already exists.`, { projectId: input.projectId });
    return { projectId: input.projectId };
  },
);

/**
 * What `createProject: true` in another mutation's input means: the project exists afterwards. True when this made it.
 * @throws PROJECT_NOT_FOUND for a key that is limited to other projects.
 */
export async function ensureProject(ctx: Context, projectId: string): Promise<boolean> {
  if (!canSee(ctx.viewer, projectId)) throw projectNotFound(projectId);
  const [found] = await ctx.db.read("SELECT FROM projects WHERE project_id = $1", [projectId]);
  if (found) return false;
  if (ctx.viewer.projectIds !== null) throw projectNotFound(projectId);
  return acting(ctx, (inside) => insertProject(inside, { projectId, name: projectId }));
}

/** False when somebody else created it first. */
async function insertProject(ctx: Context, input: CreateProject): Promise<boolean> {
  const { projectId, name, idNamespace } = input;
  if (ctx.viewer.projectIds !== null)
    throw forbidden("This key is limited to some projects and cannot create one; use an unlimited key.");
  if ((idNamespace != null && idNamespace !== projectId) || input.idReuse != null || input.idJumpLimit != null)
    requireRole(ctx.viewer, "admin");
  for (const [field, value] of Object.entries({ projectId, idNamespace: idNamespace ?? projectId }))
    if (!isSlug(value))
      throw badInput(`${field} ${JSON.stringify(value)} must be 1 to 100 of a-z, 0-9 and -, not beginning with -.`);
  requireName(name);
  const settings = givenSettings(input);

  const namespace = idNamespace ?? projectId;
  const entered = await enterNamespace(ctx, projectId, namespace);
  const inserted = await ctx.db.write(
    `INSERT INTO projects (project_id, name, id_namespace, settings) VALUES ($1, $2, $3, $4)
     ON CONFLICT (project_id) DO NOTHING RETURNING project_id`,
    [projectId, name, namespace, settings],
  );
  if (inserted.length === 0) return false;
  await setReuse(ctx, namespace, input);
  await setBudget(ctx, projectId, input);
  const reuse = givenReuse(input) ?? entered;
  await append(ctx, {
    type: "project.created",
    projectId,
    subjectType: "project",
    subjectId: projectId,
    payload: {
      project: {
        ...{ projectId, name, idNamespace: namespace, ...readSettings(settings) },
        ...{ idReuse: reuse.idReuse.toUpperCase(), idQuarantineSeconds: reuse.idQuarantineSeconds },
        budget: budgetDocument(input.budget),
      },
    },
  });
  return true;
}
