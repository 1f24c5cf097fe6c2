import { randomUUID } from "node:crypto";
import type { Context } from "../../access/viewer.ts";
import { databaseNow } from "../../db/now.ts";
import { allocateIds } from "../../ids/allocate.ts";
import { append, leaveEvents } from "../../log/write/append.ts";
import { isoDate } from "../../schedule/recurrence/calendar.ts";
import { ZONE_DATA } from "../../schedule/recurrence/instant.ts";
import type { Dependency } from "../dependencies/dependency.ts";
import { eventsOf } from "../dependencies/ends.ts";
import { TASK } from "../fields.ts";
import type { TaskKey } from "../task.ts";
import { RECURRENCE_FIELDS } from "./faults.ts";
import { type Plan, planned } from "./plan.ts";
import { findTemplates } from "./template.ts";

/** What instances are given of their own, or have no use for. */
const OWN: readonly string[] = ["dueDate", "parentTaskId", ...RECURRENCE_FIELDS];
const COPIED = TASK.settable("create")
  .filter((field) => !OWN.includes(field))
  .map(TASK.columnOf);

/**
 * Makes the instances of one or many templates and notes how far each has come. A parent that was put away is left out. What a
 * template waits for, or has to do with, its instances do, too.
 */
const MAKE = {
  name: "instances-make",
  text: `WITH advanced AS (
  UPDATE recurrences r SET starts_on = s.starts_on, until = s.until, due_time = make_interval(secs => s.due_time / 1000)::time,
    next_on = s.next_on, next_at = s.next_at, tz_version = $3, skipped = s.skipped, owed = '[]'
  FROM jsonb_to_recordset($1::jsonb) AS s (project_id varchar, task_id varchar, starts_on date, until date, due_time float8,
    next_on date, next_at timestamptz, skipped date[])
  WHERE r.project_id = s.project_id AND r.task_id = s.task_id
), added AS (
  INSERT INTO tasks AS t (project_id, task_id, parent_recurring_task_id, occurrence_date, due_date, occurs_at,
    repeats_date, parent_task_id, created_by, ${COPIED.join(", ")})
  SELECT w.project_id, w.task_id, w.template_id, w.occurrence_date, w.due_date, w.due_date,
    w.repeats_date, p.task_id, o.created_by, ${COPIED.map((column) => `o.${column}`).join(", ")}
  FROM jsonb_to_recordset($2::jsonb) AS w (place integer, project_id varchar, task_id varchar, template_id varchar,
      occurrence_date date, due_date timestamptz, repeats_date boolean)
    JOIN tasks o ON o.project_id = w.project_id AND o.task_id = w.template_id
    LEFT JOIN tasks p ON p.project_id = o.project_id AND p.task_id = o.parent_task_id
      AND p.deleted_at IS NULL AND p.archived_at IS NULL AND NOT p.is_template
  ORDER BY w.place
  RETURNING t.project_id, t.task_id, t.parent_recurring_task_id, t.queue_position, ${TASK.document("t")} AS task
), linked AS (
  INSERT INTO task_dependencies AS d (project_id, task_id, depends_on_project_id, depends_on_task_id, kind, created_by)
  SELECT a.project_id, a.task_id, e.depends_on_project_id, e.depends_on_task_id, e.kind, e.created_by
  FROM added a JOIN task_dependencies e ON e.project_id = a.project_id AND e.task_id = a.parent_recurring_task_id
  WHERE e.kind IN ('blocks', 'relates_to')
  RETURNING d.project_id, d.task_id, d.depends_on_project_id, d.depends_on_task_id, d.kind
), told AS (
  ${leaveEvents(`SELECT a.queue_position AS place, 'task.created' AS type, a.project_id, 'task' AS subject_type,
    a.task_id AS subject_id, jsonb_build_object('task', a.task, 'reservationIds', jsonb_build_array(w.reservation_id)) AS payload
  FROM added a JOIN jsonb_to_recordset($2::jsonb) AS w (project_id varchar, task_id varchar, reservation_id text)
    USING (project_id, task_id)`)}
)
SELECT project_id AS "projectId", task_id AS "taskId", depends_on_project_id AS "onProject", depends_on_task_id AS "onTask", kind
FROM linked`,
};

interface Linked extends TaskKey {
  readonly onProject: string;
  readonly onTask: string;
  readonly kind: Dependency["kind"];
}

/** The type of the IDs that instances get. */
export const INSTANCE_IDS = "TASK";

/**
 * Carries out plans, in a transaction that holds the lane and the sequence of each project's `INSTANCE_IDS`. Each instance is
 * told of by `task.created`, as any task.
 * @throws ID_SPACE_EXHAUSTED
 */
export async function carryOut(ctx: Context, plans: readonly Plan[]): Promise<void> {
  if (plans.length === 0) return;
  const instances: object[] = [];
  for (const [projectId, own] of Map.groupBy(plans, ({ template }) => template.projectId)) {
    const wanted = own.flatMap(({ template, made }) => made.map((occurrence) => ({ template, ...occurrence })));
    if (wanted.length === 0) continue;
    const reservationId = randomUUID();
    const count = wanted.length;
    const ids = await allocateIds(ctx, { projectId, artifactType: INSTANCE_IDS, count, reservationId });
    for (const [i, { template, day, dueDate, repeatsDate }] of wanted.entries())
      instances.push({
        place: instances.length,
        project_id: projectId,
        task_id: ids[i],
        template_id: template.taskId,
        occurrence_date: isoDate(day),
        due_date: dueDate,
        repeats_date: repeatsDate,
        reservation_id: reservationId,
      });
  }
  const linked = await ctx.db.write<Linked>(MAKE, [
    JSON.stringify(plans.map(stateOf)),
    JSON.stringify(instances),
    ZONE_DATA,
  ]);
  const events = linked.flatMap(({ onProject, onTask, kind, projectId, taskId }) =>
    eventsOf("task.dependency_added", {
      task: { projectId, taskId },
      dependsOn: { projectId: onProject, taskId: onTask },
      kind,
    }),
  );
  await append(ctx, ...events);
}

const stateOf = ({ template, recurrence, next, skipped }: Plan) => ({
  project_id: template.projectId,
  task_id: template.taskId,
  starts_on: isoDate(recurrence.startsOn),
  until: isoDate(recurrence.until),
  due_time: recurrence.dueTime,
  next_on: next && isoDate(next.day),
  next_at: next?.at ?? null,
  skipped: skipped.map(isoDate),
});

/** Makes the first instances of templates that were added in this transaction, which holds what `carryOut` needs. */
export async function makeFirstInstances(ctx: Context, templates: readonly TaskKey[]): Promise<void> {
  if (templates.length === 0) return;
  const now = await databaseNow(ctx.db);
  const found = await findTemplates(ctx.db, templates);
  await carryOut(
    ctx,
    found.map((template) => planned(template, now)),
  );
}
