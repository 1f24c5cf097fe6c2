import { isBlank, isStorable } from "../../db/storable.ts";
import { parseArtifactId } from "../../ids/artifact-id.ts";
import { isSlug } from "../../projects/create.ts";
import type { TaskKey } from "../task.ts";

/** What an item of a plan refers to: another item, by its place in the call, or a task that was there before. */
export type Reference = { readonly item: number } | { readonly task: TaskKey };

/** An item as its references are looked for: by key, or by the ID of its own that it was given. */
interface Item {
  readonly projectId: string;
  readonly taskId: string | null;
  readonly key: string | null;
  readonly parentTaskId: string | null;
}

/** The references as they were sent. */
interface Given {
  readonly parentKey?: string | null | undefined;
  readonly dependsOn?: readonly string[] | null | undefined;
}

export interface References {
  readonly parent: Reference | null;
  /** What it waits for, each once. */
  readonly blockers: readonly Reference[];
}

const LONGEST_KEY = 100;
/** Of all items together. */
const MOST_DEPENDENCIES = 5_000;

/** What is wrong with a key, if anything. A task of the item's project, or of another, must not be meant by it. */
export function keyFault(key: string): string | null {
  if (key.length > LONGEST_KEY || isBlank(key) || !isStorable(key))
    return `key must have 1 to ${LONGEST_KEY} characters, and something to read`;
  return namedTask(key, "") === null
    ? null
    : `key ${JSON.stringify(key)} looks like the ID of a task; call it something else`;
}

/**
 * The items with what each refers to.
 * @param faults what is wrong, by the item's place, is added to these.
 */
export function withReferences<One extends Item>(
  items: readonly One[],
  given: readonly Given[],
  faults: string[],
): (One & References)[] {
  const keys = new Map(items.flatMap(({ key }, index) => (key === null ? [] : [[key, index] as const])));
  const ids = new Map(
    items.flatMap(({ projectId, taskId }, index) =>
      taskId === null ? [] : [[`${projectId}/${taskId}`, index] as const],
    ),
  );
  const task = (key: TaskKey): Reference => {
    const item = ids.get(`${key.projectId}/${key.taskId}`);
    return item === undefined ? { task: key } : { item };
  };

  const count = given.reduce((sum, { dependsOn }) => sum + (dependsOn?.length ?? 0), 0);
  if (count > MOST_DEPENDENCIES) {
    faults.push(`the items depend on ${count} others together; give ${MOST_DEPENDENCIES} at most`);
    return [];
  }

  return items.map((one, index) => {
    const { projectId, parentTaskId } = one;
    const { parentKey = null, dependsOn } = given[index] ?? {};
    const fault = (text: string) => void faults.push(`tasks[${index}]${text}`);
    let parent = parentTaskId === null ? null : task({ projectId, taskId: parentTaskId });
    if (parentKey !== null) {
      const item = keys.get(parentKey);
      if (parent !== null) fault(": give parentKey or parentTaskId, not both");
      else if (item === undefined) fault(`: parentKey ${JSON.stringify(parentKey)} is the key of no item`);
      else if (items[item]?.projectId !== projectId) fault(`: its parent, tasks[${item}], is of another project`);
      else parent = { item };
    }
    if (parent && "item" in parent && parent.item === index) fault(": it cannot be its own parent");

    const blockers = new Map<string, Reference>();
    for (const [place, name] of (dependsOn ?? []).entries()) {
      const item = keys.get(name);
      const named = item === undefined ? namedTask(name, projectId) : null;
      const blocker = item === undefined ? named && task(named) : { item };
      if (blocker === null)
        fault(
          `.dependsOn[${place}]: ${JSON.stringify(name)} is neither the key of an item nor the ID of a task, like TASK-003, or web/TASK-003 of the project web`,
        );
      else if ("item" in blocker && blocker.item === index) fault(`.dependsOn[${place}]: it cannot depend on itself`);
      else blockers.set(idOfReference(blocker), blocker);
    }
    return { ...one, parent, blockers: [...blockers.values()] };
  });
}

const idOfReference = (reference: Reference): string =>
  "item" in reference ? `${reference.item}` : `${reference.task.projectId}/${reference.task.taskId}`;

/** The task that a text names by its ID, after that of its project where it is another one; null: it names none. */
function namedTask(text: string, projectId: string): TaskKey | null {
  const [, project, name = text] = /^(.+)\/([^/]+)$/.exec(text) ?? [];
  if (project !== undefined && !isSlug(project)) return null;
  try {
    return { projectId: project ?? projectId, taskId: parseArtifactId(name).id };
  } catch {
    return null;
  }
}
