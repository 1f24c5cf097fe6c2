import { type Looking, requireProjects } from "../access/visibility.ts";
import { parameters } from "../db/parameters.ts";
import { badInput } from "../errors.ts";
import { projectsOf, type TaskFilter } from "./filter.ts";
import { listed } from "./list.ts";
import type { TaskKind, TaskStatus } from "./task.ts";

/** What tasks are counted by, as SQL over `tasks t`. */
const GROUPS = {
  status: "t.status",
  project: "t.project_id",
  kind: "t.kind",
  label: "label.label",
  // A task that waits is nobody's, whoever held it before; that of a completed one is its last attempt's.
  worker: "CASE t.status WHEN 'in_progress' THEN t.claimed_by WHEN 'completed' THEN last.worker END",
} as const;
export type TaskGrouping = keyof typeof GROUPS;

/** More tables, where the tasks are counted by what stands there; a task counts once for each of its labels. */
const JOINED: Partial<Record<TaskGrouping, string>> = {
  label: "LEFT JOIN LATERAL unnest(t.labels) AS label (label) ON true",
  worker:
    "LEFT JOIN task_attempts last ON t.status = 'completed' AND (last.project_id, last.task_id, last.attempt) = (t.project_id, t.task_id, t.attempts)",
};

export const MOST_GROUPS = 1_000;

/** How many tasks are alike in what they were counted by; null: they have none. */
export interface TaskGroup {
  readonly status?: TaskStatus;
  readonly project?: string;
  readonly kind?: TaskKind;
  readonly label?: string | null;
  readonly worker?: string | null;
  readonly count: number;
}

/**
 * The tasks that `listTasks` would list, counted by these: in their order, without groups that have no task.
 * @throws PROJECT_NOT_FOUND; BAD_USER_INPUT, also for more than `MOST_GROUPS` groups.
 */
export async function taskCounts(
  ctx: Looking,
  filter: TaskFilter | null | undefined,
  by: readonly TaskGrouping[],
): Promise<TaskGroup[]> {
  await requireProjects(ctx, projectsOf(filter ?? {}));
  const { values, bind } = parameters();
  const groups = [...new Set(by)];
  const names = groups.map((group) => `"${group}"`).join(", ");
  const rows = await ctx.db.read<TaskGroup>(
    // Groups are counted before they are sorted, as there are far fewer of them than tasks; and not by the rules of a
    // language, which takes several times as long.
    `WITH counted AS MATERIALIZED (
       SELECT ${groups.map((group) => `(${GROUPS[group]}) COLLATE "C" AS "${group}", `).join("")}count(*)::int AS count
       FROM tasks t ${groups.map((group) => JOINED[group] ?? "").join(" ")}
       WHERE ${listed(ctx.viewer, filter, bind)} ${names && `GROUP BY ${groups.map((_group, i) => i + 1).join(", ")}`}
     )
     SELECT * FROM counted ${names && `ORDER BY ${names}`} LIMIT ${MOST_GROUPS + 1}`,
    values,
  );
  if (rows.length > MOST_GROUPS)
    throw badInput(`These are more than ${MOST_GROUPS} groups. Narrow the filter, or count by less.`);
  return rows;
}
