import type { Project } from "../../prisma/generated/client/client.ts";
import type { Db } from "../db/database.ts";

/** The columns of a project (alias `p`) in the shape Prisma gives. */
export const PROJECT_COLUMNS = `p.project_id AS "projectId", p.name, p.id_namespace AS "idNamespace", p.settings, p.version,
  p.created_at AS "createdAt", p.archived_at AS "archivedAt", p.paused_at AS "pausedAt", p.pause_reason AS "pauseReason",
  p.paused_until AS "pausedUntil", p.budget_spent_until AS "budgetSpentUntil"`;

const FIND = {
  name: "projects-find",
  text: `SELECT ${PROJECT_COLUMNS} FROM projects p WHERE p.project_id = ANY ($1::text[])`,
};

/** The projects in the order of their ids; null where there is none. */
export async function findProjects(db: Db, projectIds: readonly string[]): Promise<(Project | null)[]> {
  const rows = await db.read<Project>(FIND, [projectIds]);
  const found = new Map(rows.map((project) => [project.projectId, project]));
  return projectIds.map((projectId) => found.get(projectId) ?? null);
}
