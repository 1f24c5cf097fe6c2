import type { Sight } from "../access/visibility.ts";
import type { Db } from "../db/database.ts";
import { projectLimitMessage, workerLimitMessage } from "../projects/not-ready.ts";
import { keyColumns } from "./keys.ts";
import { PROJECT_AT_LIMIT, placesTaken, WORKER_AT_LIMIT } from "./limits.ts";
import {
  EXPIRED,
  EXPIRED_AND_WAITS,
  EXPIRED_TOO_OFTEN,
  forSkills,
  forWorker,
  IS_LIMITED,
  LEASED,
  READY,
  UNASKED,
} from "./ready.ts";
import { STOPS, type Stoppable, stopsOf, WITH_BUDGET } from "./stops.ts";
import type { TaskKey } from "./task.ts";
import { whetherEach } from "./whether-each.ts";

/** Why a task is not handed out: of the task itself, then of the claim that asks. */
export const READY_REASONS = [
  "blocked",
  "waiting",
  "parked",
  "held",
  "locked",
  "has_open_children",
  "kind_not_asked",
  "skills_missing",
  "assigned",
  "filtered_out",
  "template",
  "archived",
  "project_archived",
  "project_paused",
  "project_at_limit",
  "worker_at_limit",
  "budget_spent",
] as const;
export type ReadyReason = (typeof READY_REASONS)[number];

/** What keeps a task itself from being handed out to whoever asks for the next one, as SQL on `tasks t`. */
export const OF_TASK = {
  blocked: "t.open_blockers > 0",
  waiting: `(t.ready_at > (SELECT docket_now()) OR ${EXPIRED_AND_WAITS})`,
  parked: `(t.parked_at IS NOT NULL OR ${EXPIRED_TOO_OFTEN})`,
  held: `(${LEASED} AND NOT (${EXPIRED}))`,
  has_open_children: "t.open_children > 0",
  kind_not_asked: "t.kind NOT IN ('task', 'research')",
  template: "t.is_template",
  archived: "t.archived_at IS NOT NULL",
} as const satisfies Partial<Record<ReadyReason, string>>;
export type ReasonOfTask = keyof typeof OF_TASK;
export const REASONS_OF_TASK = Object.keys(OF_TASK) as ReasonOfTask[];

/** Who asks: a worker, or null for any other than those that tasks are kept for; with its skills. */
export interface Claimer {
  readonly worker: string | null;
  readonly skills: readonly string[];
}
const ANYONE: Claimer = { worker: null, skills: [] };

/** What keeps a task from a claim of a worker with some skills, each as SQL. */
export const ofClaim = (worker: string, skills: string) =>
  ({ skills_missing: `NOT ${forSkills(skills)}`, assigned: `NOT ${forWorker(worker)}` }) as const;
export type ReasonOfClaim = keyof ReturnType<typeof ofClaim>;
const REASONS_OF_CLAIM: readonly ReasonOfClaim[] = ["skills_missing", "assigned"];

/** One reason, with what to do about it. */
export interface Explanation {
  readonly reason: ReadyReason;
  readonly message: string;
  /** When it ends by itself. */
  readonly until: Date | null;
  /** The task that it is about: what blocks, or a child; null also where the viewer does not see it. */
  readonly task: TaskKey | null;
}

/** So many of the tasks that keep one waiting are named. */
export const MOST_NAMED = 10;

interface Found extends Readonly<Record<ReasonOfTask | ReasonOfClaim, boolean>>, Stoppable {
  readonly skills: readonly string[];
  readonly assignedTo: string | null;
  readonly open: boolean;
  readonly readyAt: Date | null;
  readonly leaseExpiresAt: Date | null;
  readonly claimedBy: string | null;
  readonly parkedReason: string | null;
  readonly kind: string;
  readonly projectArchived: boolean;
  /** The limit that it would go beyond; null: none. */
  readonly projectLimit: number | null;
  readonly workerLimit: number | null;
  readonly blockers: readonly { projectId: string; taskId: string; seen: boolean }[] | null;
  readonly children: readonly TaskKey[] | null;
}

const EXPLAIN = {
  name: "tasks-explain-ready",
  text: `SELECT is_open(t.status, t.deleted_at, false) AS open, t.ready_at AS "readyAt", t.lease_expires_at AS "leaseExpiresAt",
  t.claimed_by AS "claimedBy", t.parked_reason AS "parkedReason", t.kind, t.skills, t.assigned_to AS "assignedTo", p.project_id AS "projectId", p.archived_at IS NOT NULL AS "projectArchived",
  ${STOPS},
  -- what is held has its place
  CASE WHEN t.lease_expires_at IS NULL AND ${UNASKED} AND ${PROJECT_AT_LIMIT} THEN most_in_progress(p.settings) END AS "projectLimit",
  CASE WHEN t.claimed_by IS DISTINCT FROM $4 AND ${UNASKED} AND ${WORKER_AT_LIMIT} THEN most_per_worker(p.settings) END AS "workerLimit",
  ${Object.entries({ ...OF_TASK, ...ofClaim("$4::text", "$5") })
    .map(([reason, condition]) => `coalesce(${condition}, false) AS ${reason}`)
    .join(", ")},
  CASE WHEN t.open_blockers > 0 THEN (SELECT jsonb_agg(b) FROM (
    SELECT b.project_id AS "projectId", b.task_id AS "taskId", ($3::text[] IS NULL OR b.project_id = ANY ($3)) AS seen
    FROM task_dependencies d JOIN tasks b ON b.project_id = d.depends_on_project_id AND b.task_id = d.depends_on_task_id
    WHERE d.project_id = t.project_id AND d.task_id = t.task_id AND d.kind = 'blocks'
      AND is_open(b.status, b.deleted_at, b.is_template)
    ORDER BY 3 DESC, 1, 2 LIMIT ${MOST_NAMED}) b) END AS blockers,
  CASE WHEN t.open_children > 0 THEN (SELECT jsonb_agg(c) FROM (
    SELECT c.project_id AS "projectId", c.task_id AS "taskId" FROM tasks c
    WHERE c.project_id = t.project_id AND c.parent_task_id = t.task_id AND is_open(c.status, c.deleted_at, c.is_template)
    ORDER BY c.priority, c.queue_position LIMIT ${MOST_NAMED}) c) END AS children
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS of (project_id, task_id, place)
  JOIN tasks t USING (project_id, task_id) JOIN projects p USING (project_id)
  ${WITH_BUDGET} LEFT JOIN LATERAL ${placesTaken("$4")} taken ON ${IS_LIMITED} ORDER BY of.place`,
};

/**
 * Of each task all that keeps a claim of the next task from taking it; nothing for one that whoever asks would get, or that
 * is completed.
 */
export async function explainReady(
  db: Db,
  tasks: readonly TaskKey[],
  { projectIds }: Sight,
  { worker, skills } = ANYONE,
): Promise<Explanation[][]> {
  const rows = await db.read<Found>(EXPLAIN, [...keyColumns(tasks), projectIds, worker, skills]);
  return rows.map(explained);
}

function explained(found: Found): Explanation[] {
  if (!found.open) return [];
  return [
    ...(found.projectArchived ? [because("project_archived", found)] : []),
    ...stopsOf(found).map((stop) => ({ ...stop, task: null })),
    ...(found.projectLimit === null ? [] : [because("project_at_limit", found)]),
    ...(found.workerLimit === null ? [] : [because("worker_at_limit", found)]),
    ...REASONS_OF_TASK.filter((reason) => found[reason]).flatMap((reason) => {
      if (reason === "blocked")
        return (found.blockers ?? []).map(({ seen, ...key }) => ({
          ...because(reason, found),
          task: seen ? key : null,
        }));
      if (reason === "has_open_children")
        return (found.children ?? []).map((task) => ({ ...because(reason, found), task }));
      return [because(reason, found)];
    }),
    ...REASONS_OF_CLAIM.filter((reason) => found[reason]).map((reason) => because(reason, found)),
  ];
}

type Explained = ReasonOfTask | ReasonOfClaim | OfProject;
type OfProject = "project_archived" | "project_at_limit" | "worker_at_limit";

function because(reason: Explained, found: Found): Explanation {
  const ends: Partial<Record<Explained, Date | null>> = {
    waiting: found.readyAt,
    held: found.leaseExpiresAt,
  };
  return { reason, message: whatToDo(reason, found), until: ends[reason] ?? null, task: null };
}

function whatToDo(
  reason: Explained,
  { claimedBy, parkedReason, kind, skills, assignedTo, projectId, ...found }: Found,
): string {
  switch (reason) {
    case "blocked":
      return "Waits for a task: complete or delete that one, or removeDependency.";
    case "waiting":
      return "Waits for its time (until), mostly as its attempts failed; it is claimed then. unparkTask lets it be claimed at once.";
    case "parked":
      return `Parked${parkedReason === null ? "" : `: ${parkedReason}`}. Decide what is to be done with it; unparkTask lets it be claimed again.`;
    case "held":
      return `Held by ${claimedBy ?? "another worker"}: it comes back when it is given back${kind === "task" || kind === "research" ? ", or when the lease ends unrenewed (until)" : ""}.`;
    case "has_open_children":
      return "Waits for its child: complete that one, or claim this one by its status.";
    case "kind_not_asked":
      return `Of the kind ${kind.toUpperCase()}, which is not handed out: claim it by its status.`;
    case "skills_missing":
      return `Requires ${skills.join(", ")}: a claim that names these skills takes it.`;
    case "assigned":
      return `Kept for ${assignedTo}: a claim as this worker takes it, or set assignedTo to null.`;
    case "template":
      return "A template: its instances are worked on.";
    case "archived":
      return "Archived.";
    case "project_at_limit":
      return projectLimitMessage(projectId, found.projectLimit);
    case "worker_at_limit":
      return workerLimitMessage(projectId, found.workerLimit);
    case "project_archived":
      return "Its project is archived: an admin brings it back with unarchiveProject.";
  }
}

/** Of each task, whether a claim of the next task could take it now. */
export const areReady = whetherEach(
  "tasks-are-ready",
  `${READY} AND p.archived_at IS NULL`,
  "JOIN projects p USING (project_id)",
);
