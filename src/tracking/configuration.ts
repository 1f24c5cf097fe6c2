import * as z from "zod";
import type { ProjectConfiguration } from "../../prisma/generated/client/client.ts";
import { verb } from "../access/verb.ts";
import { type Context, makerOf } from "../access/viewer.ts";
import { requireVisible } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { type FieldsOf, type Given, noun } from "../db/noun.ts";
import { said } from "../db/text-checks.ts";
import { projectNotFound } from "../errors.ts";
import { append } from "../log/write/append.ts";
import { changeRow, fitting, fullCommit, requireVersion } from "./records.ts";

export type { ProjectConfiguration };

export const CONTEXT_TYPES = ["feature", "maintenance", "research"] as const;
export type ContextType = (typeof CONTEXT_TYPES)[number];

const OF_CONFIGURATION = {
  projectId: { set: "server", shown: "ID", description: "The project that it is of: each has one." },
  activeContextType: {
    set: "update",
    choice: CONTEXT_TYPES,
    default: "feature",
    description: "What sort of work is going on; FEATURE at first.",
  },
  currentSession: {
    set: "update",
    check: said(100),
    description: "What names the session that is going on, such as its task: at most 100 characters; null: none.",
  },
  gitBranch: { set: "update", check: said(255), description: "The Git branch of the work, at most 255 characters." },
  gitHeadCommit: {
    set: "update",
    check: fullCommit("git_head_commit"),
    description: "The Git commit that the work stands on: 40 hexadecimal digits in lower case.",
  },
  defaultTokenBudget: {
    set: "update",
    check: z.int().min(1_000).max(1_000_000),
    default: 200_000,
    description: "Tokens that a session may use, unless it says: 1,000 to 1,000,000; 200,000 at first.",
  },
  createdAt: { set: "server", description: "When it was made: with its project." },
  updatedAt: { set: "server", description: "When it was last changed." },
  updatedBy: { set: "server", description: "Who changed it last; null: nobody yet." },
  version: { set: "server", description: "Counts the changes; for expectedVersion." },
} as const satisfies FieldsOf<ProjectConfiguration>;

/** In statements the table is `c`. */
export const CONFIGURATION = noun("ProjectConfiguration", "c", OF_CONFIGURATION);

const OF_PROJECTS = {
  name: "configurations-of-projects",
  text: `SELECT ${CONFIGURATION.select()} FROM project_configurations c WHERE c.project_id = ANY ($1::text[])`,
};

/** The configurations in the order of the projects; null where there is no such project. */
export async function findConfigurations(
  db: Db,
  projectIds: readonly string[],
): Promise<(ProjectConfiguration | null)[]> {
  const rows = await db.read<ProjectConfiguration>(OF_PROJECTS, [projectIds]);
  const found = new Map(rows.map((configuration) => [configuration.projectId, configuration]));
  return projectIds.map((projectId) => found.get(projectId) ?? null);
}

export interface UpdateConfiguration extends Given<typeof OF_CONFIGURATION, "update"> {
  readonly projectId: string;
  readonly expectedVersion?: number | null | undefined;
  /** Default: the session (client id) or else the key. */
  readonly updatedBy?: string | null | undefined;
}

const LOCK = {
  name: "configuration-lock",
  text: "SELECT version FROM project_configurations WHERE project_id = $1 FOR NO KEY UPDATE",
};

/** @throws PROJECT_NOT_FOUND */
async function lockConfiguration({ db, viewer }: Context, { projectId }: { readonly projectId: string }) {
  requireVisible(viewer, projectId);
  const [locked] = await db.write<{ version: number }>(LOCK, [projectId]);
  if (!locked) throw projectNotFound(projectId);
  return locked;
}

/**
 * Changes the configuration of a project. What is left out stays, null empties it; nothing new leaves the version as it is
 * and no event.
 * @throws PROJECT_NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT
 */
export const updateProjectConfiguration = verb(
  {
    name: "updateProjectConfiguration",
    role: "agent",
    effect: "changes",
    scope: "project",
    idempotent: true,
    on: lockConfiguration,
  },
  async (ctx, input: UpdateConfiguration, { version }) => {
    const { projectId } = input;
    requireVersion("Configuration", version, input.expectedVersion);
    const data = fitting(CONFIGURATION.check("update", input));
    const value = fitting(UPDATED_BY.safeParse(input)).updatedBy ?? makerOf(ctx.viewer);
    const place = { table: "project_configurations", key: { project_id: projectId } };
    const changes = await changeRow(ctx.db, CONFIGURATION, place, data, { column: "updated_by", value });
    const of = { projectId, subjectType: "configuration", subjectId: projectId } as const;
    if (changes) await append(ctx, { type: "configuration.updated", ...of, payload: { changes, updatedBy: value } });
    return { projectId };
  },
);

const UPDATED_BY = z.object({ updatedBy: z.nullish(said(100)) });
