import type { Db } from "../db/database.ts";
import { projectArchived } from "../errors.ts";

/** The SQLSTATE of a trigger that refuses work in an archived project; the error's detail is the project's id. */
export const ARCHIVED = "DK001";

const CLOSED = {
  name: "projects-closed",
  text: `SELECT project_id FROM unnest($1::text[]) AS given(project_id) WHERE NOT hold_project_open(project_id)`,
};

/** Whether the project is not archived; then it stays so until this transaction ends. */
export async function holdOpen(db: Db, projectId: string): Promise<boolean> {
  return (await closed(db, [projectId])) === undefined;
}

/** The same of several projects. @throws PROJECT_ARCHIVED for the first that is archived. */
export async function requireOpen(db: Db, projectIds: readonly string[]): Promise<void> {
  const archived = await closed(db, [...projectIds].sort());
  if (archived !== undefined) throw projectArchived(archived);
}

async function closed(db: Db, projectIds: readonly string[]): Promise<string | undefined> {
  const rows = await db.write<{ project_id: string }>(CLOSED, [projectIds]);
  return rows[0]?.project_id;
}

/** SQL for what is shown of all projects: that a column names none that is archived. */
export const notArchived = (column: string) =>
  `${column} NOT IN (SELECT project_id FROM projects WHERE archived_at IS NOT NULL)`;
