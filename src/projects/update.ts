import { verb } from "../access/verb.ts";
import { append, type NewEvent } from "../log/write/append.ts";
import { type Changes, changesBetween } from "../log/write/changes.ts";
import { type BudgetInput, setBudget, tellBudget } from "./budget.ts";
import { type ChangeProject, holdStill, lockProject } from "./lock.ts";
import { type ReuseInput, requireNamespace, setReuse } from "./namespace.ts";
import { givenSettings, readSettings, requireName, type SettingsInput } from "./settings.ts";

export interface UpdateProject extends ChangeProject, SettingsInput, ReuseInput, BudgetInput {
  readonly name?: string | null | undefined;
}

/** @throws PROJECT_NOT_FOUND, FORBIDDEN, VERSION_CONFLICT, BAD_USER_INPUT */
export const updateProject = verb(
  {
    name: "updateProject",
    role: "admin",
    effect: "changes",
    scope: "project",
    idempotent: true,
    // No claim that knows nothing of a limit is under way once it is there, and no usage that a budget does not count.
    before: async (db, input: UpdateProject, viewer) => {
      const { maxInProgress, maxInProgressPerWorker, budget } = input;
      if ([maxInProgress, maxInProgressPerWorker, budget].some((given) => given !== undefined))
        await holdStill(db, input, viewer);
    },
    on: lockProject,
  },
  async (ctx, input: UpdateProject, before) => {
    const { projectId, name } = input;
    if (name != null) requireName(name);

    const settings = givenSettings(input);
    if (settings.idJumpLimit !== undefined) await requireNamespace(ctx, before.idNamespace, "changing its idJumpLimit");
    const given = { ...(name != null && { name }), ...settings };
    const reuse = await setReuse(ctx, before.idNamespace, input);
    const changes = {
      ...(await changesBetween(ctx, { ...readSettings(before.settings), name: before.name }, given)),
      ...reuse.changes,
      ...(await setBudget(ctx, projectId, input)),
    };
    if (Object.keys(changes).length === 0) return { projectId };

    await ctx.db.write(
      `UPDATE projects SET name = coalesce($2, name), settings = settings || $3, version = version + 1
       WHERE project_id = $1`,
      [projectId, name ?? null, settings],
    );
    const others = Object.keys(reuse.changes).length === 0 ? [] : reuse.sharing.filter((other) => other !== projectId);
    await append(ctx, configured(projectId, changes), ...others.map((other) => configured(other, reuse.changes)));
    if (changes["budget"]) await tellBudget(ctx, projectId);
    return { projectId };
  },
);

/** A change of a shared namespace is a change of each project in it. */
const configured = (projectId: string, changes: Changes): NewEvent => ({
  type: "project.configured",
  projectId,
  subjectType: "project",
  subjectId: projectId,
  payload: { changes },
});
