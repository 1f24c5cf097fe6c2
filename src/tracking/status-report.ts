import type { Context } from "../access/viewer.ts";
import { amongProjects } from "../access/visibility.ts";
import { parameters } from "../db/parameters.ts";
import { badInput } from "../errors.ts";
import { amongShown } from "../projects/shown.ts";
import { onLists } from "../tasks/on-lists.ts";
import type { TaskKind, TaskStatus } from "../tasks/task.ts";
import { findConfigurations, type ProjectConfiguration } from "./configuration.ts";
import { DEPLOYMENT, type Deployment } from "./deployment.ts";
import { ENHANCEMENT, type Enhancement } from "./enhancement.ts";
import { type OpenItem, openItems } from "./open-items.ts";
import { VENDOR, type Vendor } from "./vendor.ts";

/** Projects of one report. */
export const MOST_PROJECTS = 10;
/** Entries of each list in a report; each of its projects has an equal share of them. */
export const MOST_REPORTED = {
  vendors: 500,
  deployments: 500,
  items: 2_000,
  enhancements: 500,
  sessions: 100,
} as const;

export interface ItemCount {
  readonly kind: TaskKind;
  readonly status: TaskStatus;
  readonly count: number;
}

export interface ReportedDeployment extends Deployment {
  readonly vendorNames: readonly string[];
  readonly taskIds: readonly string[];
}

/** A task of the kind session, with what stands at the head of its prompt. */
export interface ReportedSession {
  readonly projectId: string;
  readonly taskId: string;
  readonly title: string | null;
  readonly status: TaskStatus;
  readonly createdAt: Date;
  /** null: its metadata has none. */
  readonly frontMatter: unknown;
}

/** How a project stands: of each list the first, and how many there are. */
export interface ProjectReport {
  readonly projectId: string;
  readonly name: string;
  readonly vendors: readonly Vendor[];
  readonly vendorCount: number;
  readonly deployments: readonly ReportedDeployment[];
  readonly deploymentCount: number;
  readonly itemCounts: readonly ItemCount[];
  readonly openItems: readonly OpenItem[];
  readonly openItemCount: number;
  readonly enhancements: readonly Enhancement[];
  readonly enhancementCount: number;
  readonly sessions: readonly ReportedSession[];
  readonly sessionCount: number;
  readonly configuration: ProjectConfiguration | null;
}

export interface StatusReport {
  readonly generatedAt: Date;
  readonly projects: readonly ProjectReport[];
}

/** A row of one of several projects, with how many that project has. */
type Counted<Row> = Row & { readonly projectId: string; readonly total: number };

/** The first of each project, in this order. */
const firstOfEach = (name: string, columns: string, from: string, order: string) => ({
  name,
  text: `SELECT page.* FROM unnest($1::text[]) AS of (project_id) CROSS JOIN LATERAL (
  SELECT ${columns}, count(*) OVER ()::int AS total FROM ${from} ORDER BY ${order} LIMIT $2) page`,
});

const VENDORS = firstOfEach(
  "report-vendors",
  VENDOR.select(),
  "vendors v WHERE v.project_id = of.project_id",
  "lower(v.name)",
);
const DEPLOYMENTS = firstOfEach(
  "report-deployments",
  `${DEPLOYMENT.select()},
    ARRAY(SELECT v.name FROM deployment_vendors l JOIN vendors v USING (project_id, vendor_id)
      WHERE l.project_id = d.project_id AND l.deployment_id = d.deployment_id ORDER BY lower(v.name)) AS "vendorNames",
    ARRAY(SELECT l.task_id FROM deployment_tasks l JOIN tasks t USING (project_id, task_id)
      WHERE l.project_id = d.project_id AND l.deployment_id = d.deployment_id AND t.deleted_at IS NULL ORDER BY l.task_id) AS "taskIds"`,
  "deployments d WHERE d.project_id = of.project_id",
  "d.deployed_at DESC, d.deployment_id",
);
const ENHANCEMENTS = firstOfEach(
  "report-enhancements",
  ENHANCEMENT.select(),
  "enhancements h WHERE h.project_id = of.project_id AND h.status <> 'completed'",
  "h.priority, h.target_quarter, h.created_at, h.enhancement_id",
);
const SESSIONS = firstOfEach(
  "report-sessions",
  `t.project_id AS "projectId", t.task_id AS "taskId", t.title, t.status, t.created_at AS "createdAt",
    t.metadata -> 'yaml_frontmatter' AS "frontMatter"`,
  `tasks t WHERE t.project_id = of.project_id AND t.kind = 'session' AND ${onLists()}`,
  "t.created_at DESC, t.task_id DESC",
);
const COUNTS = {
  name: "report-counts",
  text: `SELECT t.project_id AS "projectId", t.kind, t.status, count(*)::int AS count FROM tasks t
WHERE t.project_id = ANY ($1::text[]) AND ${onLists()}
GROUP BY t.project_id, t.kind, t.status
ORDER BY array_position('{project,session,research,task}', t.kind), array_position('{pending,in_progress,completed}', t.status)`,
};

/**
 * How projects stand: those named or, without any, all that the viewer sees and that are not archived. Each list is read by
 * one statement, whatever the number of projects.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT for more than `MOST_PROJECTS`.
 */
export async function statusReport(ctx: Context, named: readonly string[] | null): Promise<StatusReport> {
  const { generatedAt, projects } = await projectsOf(ctx, named);
  const ids = projects.map(({ projectId }) => projectId);
  const share = (most: number) => Math.floor(most / Math.max(1, ids.length));
  const read = <Row>(statement: typeof VENDORS, most: number) =>
    ctx.db.read<Counted<Row>>(statement, [ids, share(most)]);
  const [vendors, deployments, enhancements, sessions, items, counts, configurations] = await Promise.all([
    read<Vendor>(VENDORS, MOST_REPORTED.vendors),
    read<ReportedDeployment>(DEPLOYMENTS, MOST_REPORTED.deployments),
    read<Enhancement>(ENHANCEMENTS, MOST_REPORTED.enhancements),
    read<ReportedSession>(SESSIONS, MOST_REPORTED.sessions),
    openItems(ctx, ids, share(MOST_REPORTED.items)),
    ctx.db.read<ItemCount & { readonly projectId: string }>(COUNTS, [ids]),
    findConfigurations(ctx.db, ids),
  ]);
  const of = <Row extends { readonly projectId: string }>(rows: readonly Row[], id: string) =>
    rows.filter(({ projectId }) => projectId === id);
  return {
    generatedAt,
    projects: projects.map(({ projectId, name }, i) => {
      const listed = { vendors: of(vendors, projectId), deployments: of(deployments, projectId) };
      const planned = { enhancements: of(enhancements, projectId), sessions: of(sessions, projectId) };
      const itemCounts = of(counts, projectId);
      return {
        ...{ projectId, name, ...listed, ...planned, itemCounts },
        vendorCount: listed.vendors[0]?.total ?? 0,
        deploymentCount: listed.deployments[0]?.total ?? 0,
        enhancementCount: planned.enhancements[0]?.total ?? 0,
        sessionCount: planned.sessions[0]?.total ?? 0,
        openItems: items.get(projectId) ?? [],
        openItemCount: itemCounts.reduce((sum, { status, count }) => (status === "completed" ? sum : sum + count), 0),
        configuration: configurations[i] ?? null,
      };
    }),
  };
}

interface Named {
  readonly projectId: string;
  readonly name: string;
}

async function projectsOf(ctx: Context, named: readonly string[] | null) {
  const { values, bind } = parameters();
  const shown = amongShown("p.project_id", ctx.viewer, named, bind);
  const [found] = await amongProjects(
    ctx,
    named ?? [],
    () =>
      ctx.db.read<{ generatedAt: Date; projects: readonly Named[] }>(
        `SELECT docket_now() AS "generatedAt", to_jsonb(ARRAY(
           SELECT jsonb_build_object('projectId', p.project_id, 'name', p.name) FROM projects p
           WHERE ${shown} ORDER BY p.project_id LIMIT ${MOST_PROJECTS + 1})) AS projects`,
        values,
      ),
    (rows) => rows.flatMap(({ projects }) => projects.map(({ projectId }) => projectId)),
  );
  if (!found) throw new Error("A statement without a condition gave no row");
  if (found.projects.length > MOST_PROJECTS)
    throw badInput(
      `A report is of at most ${MOST_PROJECTS} projects, and these are more. Name some in projects, and ask again for the others.`,
    );
  return found;
}
