import type { Db } from "../db/database.ts";
import { projectArchived } from "../errors.ts";
import { budgetSpent, projectPaused } from "./not-ready.ts";

/** SQLSTATEs of triggers; the error's detail is the project's id. They refuse work in an archived project, */
export const ARCHIVED = "DK001";
/** a claim in a paused one, */
export const PAUSED = "DK002";
/** a claim beyond a limit, that of the project or that of the worker in it, */
export const PROJECT_AT_LIMIT = "DK003";
export const WORKER_AT_LIMIT = "DK004";
/** and a claim in one whose budget is spent. */
export const SPENT = "DK005";
export const AT_LIMIT: ReadonlySet<string> = new Set([PROJECT_AT_LIMIT, WORKER_AT_LIMIT]);

const CLOSED = {
  name: "projects-closed",
  text: `SELECT project_id FROM unnest($1::text[]) AS given(project_id) WHERE NOT hold_project_open(project_id)`,
};

/**
 * Whether one of the projects is not archived; each that is not stays so until this transaction ends.
 * @param beside a project that is held so, too: all at once, as in one order.
 */
export async function holdAnyOpen(db: Db, projectIds: readonly string[], beside: string): Promise<boolean> {
  const archived = await closed(db, [...new Set([...projectIds, beside])]);
  return projectIds.some((projectId) => !archived.some(({ project_id }) => project_id === projectId));
}

/** That none is archived, and stays so. @throws PROJECT_ARCHIVED for the first that is. */
export async function requireOpen(db: Db, projectIds: readonly string[]): Promise<void> {
  const [archived] = await closed(db, projectIds);
  if (archived) throw projectArchived(archived.project_id);
}

const STOPPED = {
  name: "projects-stopped",
  text: `SELECT project_id, is_paused(paused_at, paused_until) AS paused FROM projects
WHERE project_id = ANY ($1::text[]) AND (is_paused(paused_at, paused_until) OR is_spent(budget_spent_until))
ORDER BY project_id LIMIT 1`,
};

/** For claims in projects that are held open. @throws NOT_READY for the first that is paused, or has spent its budget. */
export async function requireUnstopped(db: Db, projectIds: readonly string[]): Promise<void> {
  const [stopped] = await db.read<{ project_id: string; paused: boolean }>(STOPPED, [projectIds]);
  if (stopped) throw (stopped.paused ? projectPaused : budgetSpent)(stopped.project_id);
}

/** Those that are archived. All are locked, in the order of all. */
const closed = (db: Db, projectIds: readonly string[]) =>
  db.write<{ project_id: string }>(CLOSED, [[...projectIds].sort()]);

/** SQL for what is shown of all projects: that a column names none that is archived. */
export const notArchived = (column: string) =>
  `${column} NOT IN (SELECT project_id FROM projects WHERE archived_at IS NOT NULL)`;
