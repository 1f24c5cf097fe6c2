import { badInput } from "../errors.ts";
import { type ArtifactId, parseArtifactId } from "../ids/artifact-id.ts";
import { faultsOf } from "./field-faults.ts";
import { TASK } from "./fields.ts";
import { metadataFaults } from "./metadata.ts";
import type { AddTaskItem, NewTask } from "./new-task.ts";
import { refuseCircleOfItems } from "./plan/circle.ts";
import { keyFault, type References, withReferences } from "./plan/references.ts";
import { recurrenceFaults } from "./recurrence/faults.ts";
import { givenOffsets, NEEDS_DUE_DATE } from "./reminders.ts";

const LARGEST_BATCH = 1_000;
/** Each is locked, and gives IDs, by statements of its own. */
const MOST_PROJECTS = 100;
/** When each recurs is reckoned, and its first instance is made with it. */
const MOST_RECURRING = 100;
const LONGEST_TASK_ID = 20;

/** @throws BAD_USER_INPUT naming every fault of every item; DEPENDENCY_CYCLE where they wait for each other. */
export function newTasks(items: readonly AddTaskItem[], defaultProject: string | null | undefined): NewTask[] {
  if (items.length < 1 || items.length > LARGEST_BATCH)
    throw badInput(`tasks has ${items.length} items; give 1 to ${LARGEST_BATCH}.`);
  const faults: string[] = [];
  const unlinked = items.map((item, index) => newTask(item, index, defaultProject ?? null, faults));
  faults.push(...duplicates(unlinked, "taskId", "task_id"), ...duplicates(unlinked, "artifactId", "artifact_id"));
  faults.push(...duplicates(unlinked, "key", "key"));
  const projects = new Set(unlinked.map(({ projectId }) => projectId)).size;
  if (projects > MOST_PROJECTS) faults.push(`tasks are of ${projects} projects; ${MOST_PROJECTS} at most`);
  const recurring = unlinked.filter(({ recurrencePattern }) => recurrencePattern !== null).length;
  if (recurring > MOST_RECURRING) faults.push(`${recurring} tasks recur; ${MOST_RECURRING} at most in one call`);
  const tasks = withReferences(unlinked, items, faults);
  faults.push(...tasks.flatMap((task) => templateFaults(task, tasks)));
  if (faults.length > 0) throw badInput(faults.join("; "), { faults });
  refuseCircleOfItems(tasks);
  return tasks;
}

type Unlinked = Omit<NewTask, keyof References>;

function newTask(item: AddTaskItem, index: number, defaultProject: string | null, faults: string[]): Unlinked {
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

  const key = item.key ?? null;
  const wrong = key === null ? null : keyFault(key);
  if (wrong !== null) fault(wrong);

  const description = item.description ?? (artifactId === null ? undefined : `Generate ${artifactId}`);
  if (description === undefined) fault("description is missing");
  const { data = {}, error } = TASK.check("create", {
    ...Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null)),
    description,
    generatorName: item.generatorName ?? item.generator,
    inputs: item.inputs ?? (item.parentId == null ? undefined : [item.parentId]),
    expectedOutputs: item.expectedOutputs ?? (artifactId === null ? undefined : [artifactId]),
    reminderOffsets: givenOffsets(item, fault),
  });
  if (error) faults.push(...faultsOf(error, at));
  const filled = TASK.filled(data);
  if (filled.reminderOffsets.length > 0 && filled.dueDate === null) fault(NEEDS_DUE_DATE);
  faults.push(...metadataFaults(filled.kind, filled.metadata, `${at}.metadata`));
  if (!error) faults.push(...recurrenceFaults(filled).map((text) => `${at}.${text}`));
  return {
    ...filled,
    index,
    projectId: projectId ?? "",
    taskId,
    status: item.status ?? "pending",
    artifactId,
    artifactType,
    key,
  };
}

/** What does not go with a template: nobody works on it, and its instances are made from it again and again. */
function templateFaults(
  { index, recurrencePattern, status, artifactId, parent, blockers }: NewTask,
  tasks: readonly NewTask[],
) {
  const at = `tasks[${index}]`;
  const recurs = (item: number) => tasks[item]?.recurrencePattern != null;
  const named = [...(parent ? [parent] : []), ...blockers].flatMap((one) =>
    "item" in one && recurs(one.item) ? [one.item] : [],
  );
  const faults = named.map(
    (item) => `${at}: tasks[${item}] recurs, so that nothing can wait for it or be a part of it`,
  );
  if (recurrencePattern === null) return faults;
  if (status !== "pending") faults.push(`${at}: a recurring task comes PENDING; its instances are worked on`);
  if (artifactId !== null) faults.push(`${at}: artifactId does not go with recurrencePattern, as one task makes it`);
  return faults;
}

function idOf(text: string, field: string, fault: (text: string) => void): ArtifactId | null {
  try {
    return parseArtifactId(text);
  } catch (error) {
    fault(`${field} ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function duplicates(tasks: readonly Unlinked[], field: "taskId" | "artifactId" | "key", name: string): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { projectId, [field]: id } of tasks) {
    if (id === null) continue;
    // A key is one of the whole call.
    const known = field === "key" ? id : `${projectId}/${id}`;
    if (seen.has(known)) twice.add(id);
    seen.add(known);
  }
  return twice.size === 0 ? [] : [`Duplicate ${name} in batch: ${[...twice].join(", ")}`];
}
