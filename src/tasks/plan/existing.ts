import type { Context } from "../../access/viewer.ts";
import { sees } from "../../access/visibility.ts";
import { badInput, type DocketError, errorAt, projectNotFound } from "../../errors.ts";
import { circleFrom } from "../dependencies/circle.ts";
import { dependencyCycle, itemName } from "../dependencies/cycle-error.ts";
import { closesCircle, seenTask, stepsFrom } from "../dependencies/graph.ts";
import { belowTemplate, waitsForTemplate } from "../dependencies/template.ts";
import { idOfTask } from "../find.ts";
import { DEEPEST, tooDeep } from "../hierarchy/parents.ts";
import { keyColumns } from "../keys.ts";
import { refuseMissing } from "../locate.ts";
import type { NewTask } from "../new-task.ts";
import type { TaskKey } from "../task.ts";
import { itemOn, itemsAhead } from "./circle.ts";
import type { Reference } from "./references.ts";

const LOCK = {
  name: "tasks-lock-referenced",
  text: `SELECT t.project_id AS "projectId", t.task_id AS "taskId", t.depth, t.archived_at IS NULL AS "mayBeParent",
  is_open(t.status, t.deleted_at, t.is_template) AS "isOpen",
  t.is_template AS "isTemplate"
FROM tasks t WHERE (t.project_id, t.task_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND t.deleted_at IS NULL
ORDER BY t.project_id, t.task_id FOR NO KEY UPDATE`,
};

interface Locked extends TaskKey {
  readonly depth: number;
  readonly mayBeParent: boolean;
  readonly isOpen: boolean;
  readonly isTemplate: boolean;
}

/** The tasks that a plan found, by their names. */
type Found = ReadonlyMap<string, Locked>;

/**
 * That the tasks are there which the items refer to, the parents not too deep, and that no circle leads through them; they
 * are locked, as triggers count what waits for them. Where an item waits for another task, the caller holds the lock of the
 * graph; without it the new tasks wait for nothing that was there, and so close no circle.
 * @throws BAD_USER_INPUT naming each item whose parent is none; PROJECT_NOT_FOUND, TASK_NOT_FOUND for what an item waits
 *   for; DEPENDENCY_CYCLE
 */
export async function requireReferenced(ctx: Context, batch: readonly NewTask[]): Promise<void> {
  const parents = batch.flatMap(({ parent }) => taskOf(parent));
  const blockers = batch.flatMap((task) => task.blockers.flatMap(taskOf));
  const place = (index: number, error: DocketError) => (batch.length === 1 ? error : errorAt(`tasks[${index}]`, error));
  for (const { index, blockers } of batch)
    for (const blocker of blockers.flatMap(taskOf))
      if (!sees(ctx.viewer, blocker)) throw place(index, projectNotFound(blocker.projectId));

  const found = await lock(ctx, [...parents, ...blockers]);
  for (const { index, blockers } of batch)
    for (const blocker of blockers.flatMap(taskOf))
      if (!found.has(idOfTask(blocker)))
        await refuseMissing(ctx, blocker).catch((error: DocketError) => Promise.reject(place(index, error)));
  const faults = [...parentFaults(batch, found), ...templateFaults(batch, found), ...heldFaults(batch, found)].map(
    ([index, fault]) => (batch.length === 1 ? fault : `tasks[${index}]: ${fault}`),
  );
  if (faults.length > 0) throw badInput(faults.join("; "), { faults });
  if (parents.length > 0 && blockers.length > 0) await refuseCircleThrough(ctx, batch);
}

async function lock({ db }: Context, keys: readonly TaskKey[]): Promise<Found> {
  if (keys.length === 0) return new Map();
  const wanted = [...new Map(keys.map((key) => [idOfTask(key), key])).values()];
  const rows = await db.write<Locked>(LOCK, keyColumns(wanted));
  return new Map(rows.map((row) => [idOfTask(row), row]));
}

/** What is wrong with the parent of an item, with the item's place. */
function parentFaults(batch: readonly NewTask[], found: Found): (readonly [number, string])[] {
  /** Of an item, or a task that was there; null where there is none. */
  const depthOf = (reference: Reference): number | null => {
    if ("task" in reference) {
      const task = found.get(idOfTask(reference.task));
      return task?.mayBeParent ? task.depth : null;
    }
    const parent = batch[reference.item]?.parent ?? null;
    const above = parent === null ? -1 : depthOf(parent);
    return above === null ? null : above + 1;
  };
  return batch.flatMap(({ index, parent }) => {
    if (parent === null) return [];
    const depth = depthOf(parent);
    if ("task" in parent && found.get(idOfTask(parent.task))?.isTemplate)
      return [[index, belowTemplate(parent.task.taskId)] as const];
    if (depth === null)
      return "task" in parent ? [[index, `Parent task ${parent.task.taskId} not found`] as const] : [];
    const fault = depth > DEEPEST ? null : tooDeep(depth);
    return fault === null ? [] : [[index, fault] as const];
  });
}

/** Items that wait for the template of a recurring task; those of the batch itself are refused before. */
function templateFaults(batch: readonly NewTask[], found: Found): (readonly [number, string])[] {
  return batch.flatMap(({ index, blockers }) =>
    blockers
      .flatMap(taskOf)
      .filter((blocker) => found.get(idOfTask(blocker))?.isTemplate)
      .map(({ taskId }) => [index, waitsForTemplate(taskId)] as const),
  );
}

/** Nobody takes up what has to wait, nor what is added so. */
function heldFaults(batch: readonly NewTask[], found: Found): (readonly [number, string])[] {
  const isOpen = (blocker: Reference) =>
    "task" in blocker ? found.get(idOfTask(blocker.task))?.isOpen : batch[blocker.item]?.status !== "completed";
  return batch.flatMap(({ index, status, blockers }) => {
    const open = status === "in_progress" ? blockers.find(isOpen) : undefined;
    if (open === undefined) return [];
    const name = "task" in open ? open.task.taskId : itemName(itemOn(batch, open.item));
    return [[index, `it cannot come IN_PROGRESS, as it waits for ${name}; leave its status out`] as const];
  });
}

/** A circle through tasks that were there leads from a parent to a new task below it, and on to what that waits for. */
async function refuseCircleThrough(ctx: Context, batch: readonly NewTask[]): Promise<void> {
  const children = Map.groupBy(
    batch.filter(({ parent }) => parent && "task" in parent),
    ({ parent }) => (parent && "task" in parent ? idOfTask(parent.task) : ""),
  );
  const ahead = itemsAhead(batch);
  const reached = new Set([...children.values()].flat().map(({ index }) => index));
  for (const item of reached) for (const next of ahead(item)) reached.add(next);
  const blockers = [...reached].flatMap((item) => batch[item]?.blockers.flatMap(taskOf) ?? []);
  const parents = [...children.values()].flatMap(([child]) => taskOf(child?.parent ?? null));
  if (blockers.length === 0 || !(await closesCircle(ctx.db, parents, blockers))) return;

  // One of them leads to one of the parents; whether it is one that a child of that waits for, only the whole tells.
  const steps = await stepsFrom(ctx.db, blockers);
  const next = (node: string | number): (string | number)[] =>
    typeof node === "number"
      ? [...ahead(node), ...(batch[node]?.blockers.flatMap(taskOf).map(idOfTask) ?? [])]
      : [...steps(node), ...(children.get(node)?.map(({ index }) => index) ?? [])];
  const circle = circleFrom(reached, next);
  if (circle === null) return;
  const projectIds = new Set(batch.map(({ projectId }) => projectId));
  throw dependencyCycle(
    circle.map((node) => (typeof node === "number" ? itemOn(batch, node) : seenTask(ctx, node))),
    projectIds.size === 1 ? (batch[0]?.projectId ?? null) : null,
  );
}

const taskOf = (reference: Reference | null): TaskKey[] => (reference && "task" in reference ? [reference.task] : []);
