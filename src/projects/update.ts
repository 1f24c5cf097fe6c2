import { once } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import { projectNotFound, versionConflict } from "../errors.ts";
import { append, type NewEvent } from "../log/write/append.ts";
import { type Changes, changesBetween } from "../log/write/changes.ts";
import { type ReuseInput, requireNamespace, setReuse } from "./namespace.ts";
import { givenSettings, readSettings, requireName, type SettingsInput } from "./settings.ts";

export interface UpdateProject extends SettingsInput, ReuseInput {
  readonly projectId: string;
  readonly name?: string | null | undefined;
  readonly expectedVersion?: number | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

interface Row {
  name: string;
  id_namespace: string;
  settings: Record<string, unknown>;
  version: number;
}

/** @throws PROJECT_NOT_FOUND, FORBIDDEN, VERSION_CONFLICT, BAD_USER_INPUT */
export function updateProject(ctx: Context, input: UpdateProject) {
  return once(ctx, { operation: "updateProject", role: "admin", input }, async (inside) => {
    const { db, viewer } = inside;
    const { projectId, name, expectedVersion } = input;
    requireVisible(viewer, projectId);
    const [before] = await db.write<Row>(
      "SELECT name, id_namespace, settings, version FROM projects WHERE project_id = $1 FOR NO KEY UPDATE",
      [projectId],
    );
    if (!before) throw projectNotFound(projectId);
    if (expectedVersion != null && expectedVersion !== before.version)
      throw versionConflict(expectedVersion, before.version, "Project");
    if (name != null) requireName(name);

    const settings = givenSettings(input);
    if (settings.idJumpLimit !== undefined)
      await requireNamespace(inside, before.id_namespace, "changing its idJumpLimit");
    const given = { ...(name != null && { name }), ...settings };
    const reuse = await setReuse(inside, before.id_namespace, input);
    const changes = {
      ...(await changesBetween(inside, { ...readSettings(before.settings), name: before.name }, given)),
      ...reuse.changes,
    };
    if (Object.keys(changes).length === 0) return { projectId };

    await db.write(
      `UPDATE projects SET name = coalesce($2, name), settings = settings || $3, version = version + 1
       WHERE project_id = $1`,
      [projectId, name ?? null, settings],
    );
    const others = Object.keys(reuse.changes).length === 0 ? [] : reuse.sharing.filter((other) => other !== projectId);
    await append(inside, configured(projectId, changes), ...others.map((other) => configured(other, reuse.changes)));
    return { projectId };
  });
}

/** What is changed of a shared namespace is changed for each project in it. */
const configured = (projectId: string, changes: Changes): NewEvent => ({
  type: "project.configured",
  projectId,
  subjectType: "project",
  subjectId: projectId,
  payload: { changes },
});
