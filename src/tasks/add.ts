import { randomUUID } from "node:crypto";
import * as z from "zod";
import { nothing, verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { requireProjects } from "../access/visibility.ts";
import { said } from "../db/text-checks.ts";
import { badInput, idTaken } from "../errors.ts";
import { allocateIds } from "../ids/allocate.ts";
import { parseArtifactId } from "../ids/artifact-id.ts";
import { lockLane, lockSequences } from "../ids/lane.ts";
import { recordIds } from "../ids/record.ts";
import { append, type NewEvent } from "../log/write/append.ts";
import { ensureProject } from "../projects/create.ts";
import { requireOpen, requireUnstopped } from "../projects/open.ts";
import { newTasks } from "./batch.ts";
import { subject, type TaskDocument } from "./change.ts";
import { lockGraph } from "./dependencies/graph.ts";
import { faultsOf, requireFutureDueDates } from "./field-faults.ts";
import { TASK } from "./fields.ts";
import { requireAttemptInput } from "./lease.ts";
import type { AddTaskItem, NewTask } from "./new-task.ts";
import { parentsFirst } from "./plan/circle.ts";
import { requireReferenced } from "./plan/existing.ts";
import { type AddedKey, addBlockers, keysOf } from "./plan/link.ts";
import { INSTANCE_IDS, makeFirstInstances } from "./recurrence/make-instances.ts";
import type { TaskKey } from "./task.ts";

export interface AddTasks {
  /** For items that name none. */
  readonly projectId?: string | null | undefined;
  readonly createProject?: boolean | null | undefined;
  /** Who works on the items that come IN_PROGRESS, and for how long (seconds). */
  readonly worker?: string | null | undefined;
  readonly leaseSeconds?: number | null | undefined;
  /** Who adds them, in its own words. Default: the session (client id) or else the key. */
  readonly createdBy?: string | null | undefined;
  /** An admin says that the given IDs are meant, however far they lie above the highest there is. */
  readonly allowJump?: boolean | null | undefined;
  readonly tasks: readonly AddTaskItem[];
}

/** `attempt` is the number of the caller's, for an item that came in progress. */
export interface AddedTask extends TaskKey {
  readonly attempt?: number;
}

export interface TasksAdded {
  readonly tasks: readonly AddedTask[];
  /** Projects made for them. Absent from answers that an older server stored. */
  readonly createdProjects?: readonly string[];
  /** The tasks by the keys of their items, those that are ready first. Absent from answers that an older server stored. */
  readonly keys?: readonly AddedKey[];
}

/**
 * Adds 1–1,000 tasks in the order given, but parents before their children, all or none. Given task IDs are registered,
 * others allocated from the project's TASK sequence; artifact IDs are registered too, unless this project has them already.
 * The items may refer to each other by their keys, and to tasks that are there, as to what they wait for and are a part of.
 * One that recurs is a template, and brings its first instance.
 * @throws BAD_USER_INPUT naming every bad item, or an ID that jumps too far; PROJECT_NOT_FOUND, ID_TAKEN,
 *   ID_SPACE_EXHAUSTED; NOT_READY for an item in progress in a project that is paused or has spent its budget; FORBIDDEN, also for allowJump by others
 *   than admins of the whole namespace; TASK_NOT_FOUND, DEPENDENCY_CYCLE naming items by their places.
 */
export const addTasks = verb(
  {
    name: "addTasks",
    role: "agent",
    effect: "adds",
    scope: "projects",
    idempotent: false,
    ofSession: ({ tasks }: AddTasks) => tasks.some(({ status }) => status === "in_progress"),
    before: async (db, { tasks }) => {
      if (tasks.some(({ dependsOn }) => dependsOn?.length)) await lockGraph(db);
      await lockLane(db);
    },
    on: nothing,
  },
  async (ctx, input: AddTasks): Promise<TasksAdded> => {
    requireAttemptInput(input);
    const { error } = MAKER.safeParse(input);
    if (error) throw badInput(faultsOf(error).join("; "));
    const batch = newTasks(input.tasks, input.projectId);
    const projectIds = [...new Set(batch.map(({ projectId }) => projectId))].sort();

    const createdProjects: string[] = [];
    if (!input.createProject) await requireProjects(ctx, projectIds);
    else for (const projectId of projectIds) if (await ensureProject(ctx, projectId)) createdProjects.push(projectId);
    await requireOpen(ctx.db, projectIds);
    const claimed = batch.filter(({ status }) => status === "in_progress").map(({ projectId }) => projectId);
    if (claimed.length > 0) await requireUnstopped(ctx.db, claimed);
    await requireFutureDueDates(
      ctx,
      batch.flatMap(({ dueDate }) => dueDate ?? []),
    );
    await lockSequences(ctx.db, sequencesOf(batch));
    await requireReferenced(ctx, batch);
    // Behind the lock, so that of two batches with one artifact the second sees the first.
    await refuseQueuedArtifacts(ctx, batch);
    const identified: Identified[] = [];
    for (const projectId of projectIds) identified.push(...(await identify(ctx, projectId, batch, input)));
    identified.sort((a, b) => a.index - b.index);

    const queued = parentsFirst(withParents(identified));
    const rows = await insert(ctx, queued, input);
    await append(ctx, ...rows.flatMap((row, i) => eventsOf(row, queued[i]?.reservationIds ?? [])));
    await addBlockers(ctx, identified);
    await makeFirstInstances(ctx, identified.filter(isTemplate));
    return {
      createdProjects,
      keys: await keysOf(ctx, identified),
      tasks: identified.map(({ projectId, taskId, status }) => ({
        projectId,
        taskId,
        ...(status === "in_progress" && { attempt: 1 }),
      })),
    };
  },
);

const MAKER = z.object({ createdBy: z.nullish(said(100)) });

/** Every sequence that the batch gives or records an ID of. */
const sequencesOf = (batch: readonly NewTask[]) =>
  batch.flatMap(({ projectId, taskId, artifactId, recurrencePattern }) => [
    ...(isTemplate({ recurrencePattern }) ? [{ projectId, artifactType: INSTANCE_IDS }] : []),
    { projectId, artifactType: taskId === null ? TASK_IDS : parseArtifactId(taskId).artifactType },
    ...(artifactId === null ? [] : [{ projectId, artifactType: parseArtifactId(artifactId).artifactType }]),
  ]);

const isTemplate = ({ recurrencePattern }: Pick<NewTask, "recurrencePattern">) => recurrencePattern !== null;

type Identified = NewTask &
  TaskKey & {
    /** The reservations that were made for its ID and its artifact's. */
    readonly reservationIds: readonly string[];
  };

/** The items with the IDs of those that are their parents. */
const withParents = (batch: readonly Identified[]): Identified[] =>
  batch.map((task) => {
    const { parent } = task;
    return parent && "item" in parent ? { ...task, parentTaskId: batch[parent.item]?.taskId ?? null } : task;
  });

/** The tasks of one project, each with its ID. */
async function identify(
  ctx: Context,
  projectId: string,
  batch: readonly NewTask[],
  { allowJump }: AddTasks,
): Promise<Identified[]> {
  const own = batch.filter((task) => task.projectId === projectId);
  const given = own.flatMap(({ taskId }) => taskId ?? []);
  const taken = await existing(ctx, projectId, given);
  if (taken[0] !== undefined) throw idTaken(taken[0], `Task ID ${taken[0]} is already taken in project ${projectId}`);
  const ids = [...new Set([...given, ...own.flatMap(({ artifactId }) => artifactId ?? [])])];
  const made = new Map(ids.length > 0 ? (await recordIds(ctx, { projectId, ids, allowJump })).made : []);

  const count = own.length - given.length;
  const reservationId = randomUUID();
  const free = count === 0 ? [] : await allocateIds(ctx, { projectId, artifactType: TASK_IDS, count, reservationId });
  for (const id of free) made.set(id, reservationId);
  return own.map((task) => {
    const taskId = task.taskId ?? free.shift() ?? "";
    const reservationIds = new Set([taskId, task.artifactId ?? taskId].flatMap((id) => made.get(id) ?? []));
    return { ...task, taskId, reservationIds: [...reservationIds] };
  });
}

/** The type of the IDs that are allocated. */
const TASK_IDS = "TASK";

async function existing({ db }: Context, projectId: string, taskIds: readonly string[]): Promise<string[]> {
  if (taskIds.length === 0) return [];
  const rows = await db.read<{ task_id: string }>(
    "SELECT task_id FROM tasks WHERE project_id = $1 AND task_id = ANY ($2) ORDER BY queue_position",
    [projectId, taskIds],
  );
  return rows.map(({ task_id }) => task_id);
}

async function refuseQueuedArtifacts({ db }: Context, batch: readonly NewTask[]): Promise<void> {
  const [queued] = await db.read<{ artifact_id: string }>(
    `SELECT t.artifact_id FROM unnest($1::text[], $2::text[]) AS given(project_id, artifact_id)
     JOIN tasks t USING (project_id, artifact_id) WHERE t.deleted_at IS NULL LIMIT 1`,
    [batch.map(({ projectId }) => projectId), batch.map(({ artifactId }) => artifactId)],
  );
  if (queued) throw badInput(`artifact_id ${queued.artifact_id} already exists in queue`);
}

interface Inserted {
  readonly task: TaskDocument;
  readonly project_id: string;
  readonly task_id: string;
  readonly attempt: number | null;
}

/** What the statement takes from an item as it is. */
const GIVEN = [
  ...TASK.settable("create"),
  ...(["projectId", "taskId", "status", "artifactId", "artifactType"] as const),
].map(TASK.columnOf);

const INSERT = {
  name: "task-add",
  text: `WITH added AS (
  INSERT INTO tasks AS t (${GIVEN.join(", ")}, created_by, claimed_by, lease_expires_at, started_at, completed_at, attempts)
  SELECT ${GIVEN.map((column) => `g.${column}`).join(", ")}, coalesce($6, $4, $3),
    CASE g.status WHEN 'in_progress' THEN $2 END,
    CASE g.status WHEN 'in_progress' THEN
      docket_now() + coalesce(make_interval(secs => $5::int), project_lease(p.settings)) END,
    CASE g.status WHEN 'in_progress' THEN docket_now() END,
    CASE g.status WHEN 'completed' THEN docket_now() END,
    CASE g.status WHEN 'in_progress' THEN 1 ELSE 0 END
  FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS items (item, place)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::tasks, item) g JOIN projects p ON p.project_id = g.project_id
  ORDER BY place
  RETURNING t.project_id, t.task_id, t.status, t.queue_position, t.lease_expires_at, ${TASK.document("t")} AS task
), opened AS (
  INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, client, lease_expires_at)
  SELECT project_id, task_id, 1, $2, $3, $4, lease_expires_at FROM added WHERE status = 'in_progress'
)
SELECT project_id, task_id, task, CASE status WHEN 'in_progress' THEN 1 END AS attempt FROM added ORDER BY queue_position`,
};

async function insert(
  { db, viewer }: Context,
  tasks: readonly Identified[],
  { worker, leaseSeconds, createdBy }: AddTasks,
) {
  return db.write<Inserted>(INSERT, [
    JSON.stringify(tasks.map(({ index, reservationIds, key, parent, blockers, ...task }) => TASK.record(task))),
    worker ?? viewer.name,
    viewer.actor,
    viewer.client,
    leaseSeconds ?? null,
    createdBy ?? null,
  ]);
}

function eventsOf(
  { project_id, task_id, task, attempt }: Inserted,
  reservationIds: Identified["reservationIds"],
): NewEvent[] {
  const of = subject({ projectId: project_id, taskId: task_id });
  const named = reservationIds.length > 0 && { reservationIds };
  const created: NewEvent = { type: "task.created", ...of, payload: { task, ...named } };
  if (attempt === null) return [created];
  const { claimedBy: worker, leaseExpiresAt } = task;
  return [created, { type: "task.claimed", ...of, payload: { attempt, worker, leaseExpiresAt, changes: {} } }];
}
