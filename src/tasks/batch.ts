import type { Filled, Given } from "../db/noun.ts";
import { badInput } from "../errors.ts";
import { type ArtifactId, parseArtifactId } from "../ids/artifact-id.ts";
import { faultsOf } from "./field-faults.ts";
import { TASK, type Task, type TaskFields } from "./fields.ts";
import { metadataFaults } from "./metadata.ts";
import type { TaskStatus } from "./task.ts";

/** One item of a batch, in the plain form or the sub-artifact form (artifactId, artifactType, generator, parentId). */
export type AddTaskItem = Given<TaskFields, "create"> & {
  readonly projectId?: string | null | undefined;
  readonly taskId?: string | null | undefined;
  readonly status?: TaskStatus | null | undefined;
  readonly artifactId?: string | null | undefined;
  readonly artifactType?: string | null | undefined;
  readonly generator?: string | null | undefined;
  /** The artifact this one is made from. */
  readonly parentId?: string | null | undefined;
};

/** An item with every default filled in; `taskId` null: to be allocated. */
export interface NewTask extends Filled<Task, TaskFields> {
  readonly index: number;
  readonly projectId: string;
  readonly taskId: string | null;
  readonly status: TaskStatus;
  readonly artifactId: string | null;
  readonly artifactType: string | null;
}

export const LARGEST_BATCH = 100;
const LONGEST_TASK_ID = 20;

/** @throws BAD_USER_INPUT naming every fault of every item. */
export function newTasks(items: readonly AddTaskItem[], defaultProject: string | null | undefined): NewTask[] {
  if (items.length < 1 || items.length > LARGEST_BATCH)
    throw badInput(`tasks has ${items.length} items; give 1 to ${LARGEST_BATCH}.`);
  const faults: string[] = [];
  const tasks = items.map((item, index) => newTask(item, index, defaultProject ?? null, faults));
  faults.push(...duplicates(tasks, "taskId", "task_id"), ...duplicates(tasks, "artifactId", "artifact_id"));
  if (faults.length > 0) throw badInput(faults.join("; "), { faults });
  return tasks;
}

function newTask(item: AddTaskItem, index: number, defaultProject: string | null, faults: string[]): NewTask {
  const at = `tasks[${index}]`;
  const fault = (text: string) => void faults.push(`${at}: ${text}`);
  const projectId = item.projectId ?? defaultProject;
  if (projectId === null) fault("projectId is missing; give it with the item or with the whole input");

  const artifact = item.artifactId == null ? null : idOf(item.artifactId, "artifactId", fault);
  const artifactId = artifact?.id ?? null;
  const artifactType = item.artifactType?.toUpperCase() ?? artifact?.artifactType ?? null;
  if (item.artifactId == null && artifactType !== null) fault("artifactType needs an artifactId");
  if (artifact && artifactType !== artifact.artifactType)
    fault(`artifactType ${artifactType} does not fit ${artifactId}`);
  const taskId = item.taskId == null ? null : (idOf(item.taskId, "taskId", fault)?.id ?? null);
  if (taskId !== null && taskId.length > LONGEST_TASK_ID) fault(`taskId ${taskId} is longer than ${LONGEST_TASK_ID}`);

  const description = item.description ?? (artifactId === null ? undefined : `Generate ${artifactId}`);
  if (description === undefined) fault("description is missing");
  const { data = {}, error } = TASK.check("create", {
    ...Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null)),
    description,
    generatorName: item.generatorName ?? item.generator,
    inputs: item.inputs ?? (item.parentId == null ? undefined : [item.parentId]),
    expectedOutputs: item.expectedOutputs ?? (artifactId === null ? undefined : [artifactId]),
  });
  if (error) faults.push(...faultsOf(error, at));
  const filled = TASK.filled(data);
  faults.push(...metadataFaults(filled.kind, filled.metadata, `${at}.metadata`));
  return {
    ...filled,
    index,
    projectId: projectId ?? "",
    taskId,
    status: item.status ?? "pending",
    artifactId,
    artifactType,
  };
}

function idOf(text: string, field: string, fault: (text: string) => void): ArtifactId | null {
  try {
    return parseArtifactId(text);
  } catch (error) {
    fault(`${field} ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function duplicates(tasks: readonly NewTask[], field: "taskId" | "artifactId", name: string): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { projectId, [field]: id } of tasks) {
    if (id === null) continue;
    const key = `${projectId}/${id}`;
    if (seen.has(key)) twice.add(id);
    seen.add(key);
  }
  return twice.size === 0 ? [] : [`Duplicate ${name} in batch: ${[...twice].join(", ")}`];
}
