import { visibleWhere } from "../../src/access/visibility.ts";
import { DEFAULT_SIZE } from "../../src/db/page.ts";
import { isStorable } from "../../src/db/storable.ts";
import { ATTEMPT } from "../../src/tasks/attempts.ts";
import type { TaskStatus as Status } from "../../src/tasks/hold.ts";
import { builder } from "../builder.ts";
import { selectedBelow } from "../selection.ts";
import { loadAttempts } from "./load.ts";

export const TaskStatus = builder.enumType("TaskStatus", {
  values: {
    PENDING: { value: "pending", description: "Waits to be claimed." },
    IN_PROGRESS: { value: "in_progress", description: "Held by an attempt until its lease expires." },
    COMPLETED: { value: "completed", description: "Done; a reset opens it again." },
  } as const,
});

export const TaskKind = builder.enumType("TaskKind", {
  description: "What sort of work item this is.",
  values: {
    TASK: { value: "task", description: "A piece of work with a result." },
    PROJECT: { value: "project", description: "A larger undertaking, made of tasks." },
    SESSION: { value: "session", description: "One sitting of work, as a record." },
    RESEARCH: { value: "research", description: "A question to be answered." },
  } as const,
});

const AttemptOutcome = builder.enumType("AttemptOutcome", {
  description: "Why an attempt ended.",
  values: {
    COMPLETED: { value: "completed" },
    RELEASED: { value: "released", description: "Given back by its worker." },
    EXPIRED: { value: "expired", description: "Its lease ended and somebody else took the task." },
    CANCELLED: { value: "cancelled", description: "The task was deleted." },
    RESET: { value: "reset", description: "The task was set back to pending by a reset." },
    SUPERSEDED: { value: "superseded", description: "Taken over under the same key and worker name." },
  } as const,
});
type Outcome = "completed" | "released" | "expired" | "cancelled" | "reset" | "superseded";

/** A field that is read only where it is selected. */
function read<Row extends object, Field extends keyof Row>(row: Row, field: Field): Row[Field] {
  if (row[field] === undefined) throw new Error(`${String(field)} was not read`);
  return row[field];
}

export const Attempt = builder.prismaObject("Attempt", {
  description:
    "One holding of a task by one worker. Once ended, it is never current again. The number is for people: who writes needs the whole attempt, which only its holder was given.",
  fields: (t) => ({
    number: t.exposeInt("number", { description: "Counts from 1 per task." }),
    worker: t.exposeString("worker", { nullable: true, description: "The name the worker gave." }),
    actor: t.exposeString("actor", { description: "The key that claimed." }),
    client: t.exposeString("client", { nullable: true, description: "The session that claimed." }),
    claimedAt: t.expose("claimedAt", { type: "DateTime" }),
    leaseExpiresAt: t.expose("leaseExpiresAt", { type: "DateTime" }),
    endedAt: t.expose("endedAt", { type: "DateTime", nullable: true, description: "null while it holds the task." }),
    outcome: t.field({
      type: AttemptOutcome,
      nullable: true,
      resolve: ({ outcome }) => outcome as Outcome | null,
    }),
    checkpoint: t.field({
      type: "JSON",
      nullable: true,
      description: "The last one left.",
      resolve: (attempt) => read(attempt, "checkpoint"),
    }),
    notes: t.string({ nullable: true, resolve: (attempt) => read(attempt, "notes") }),
  }),
});

/** A list column that may be absent, or hold more than strings in a row written by plain SQL. */
const names = (stored: unknown): string[] => (Array.isArray(stored) ? stored.map(String) : []);

export const Task = builder.prismaNode("Task", {
  // Unknown and foreign ones are null in node(id), not a fault.
  nullable: true,
  description: "A unit of work. Its key is (projectId, taskId).",
  id: { resolve: ({ projectId, taskId }) => `${projectId}/${taskId}` },
  findUnique: (id, { viewer }) => {
    // What no row can hold is not found.
    const [projectId = "", taskId = ""] = isStorable(id) ? id.split("/") : [];
    return { projectId_taskId: { projectId, taskId }, deletedAt: null, AND: [visibleWhere(viewer)] };
  },
  fields: (t) => ({
    projectId: t.exposeID("projectId"),
    taskId: t.exposeID("taskId", { description: "Like TASK-046; unique within the project." }),
    title: t.exposeString("title", { nullable: true }),
    description: t.string({ description: "What is to be done.", resolve: (task) => read(task, "description") }),
    kind: t.field({
      type: TaskKind,
      resolve: ({ kind }) => kind as "task" | "project" | "session" | "research",
    }),
    generatorName: t.exposeString("generatorName", { nullable: true, description: "Like hls-generator." }),
    status: t.field({ type: TaskStatus, resolve: ({ status }) => status as Status }),
    priority: t.exposeInt("priority", { description: "0 highest … 4 lowest; 2 by default." }),
    labels: t.exposeStringList("labels"),
    inputs: t.stringList({
      description: "IDs of the artifacts it starts from.",
      resolve: (task) => names(read(task, "inputs")),
    }),
    expectedOutputs: t.stringList({
      description: "IDs of the artifacts it should produce.",
      resolve: (task) => names(read(task, "expectedOutputs")),
    }),
    contextNotes: t.string({
      nullable: true,
      description: "What a worker should know first.",
      resolve: (task) => read(task, "contextNotes"),
    }),
    completionNotes: t.string({
      nullable: true,
      description: "What came of it.",
      resolve: (task) => read(task, "completionNotes"),
    }),
    artifactId: t.exposeID("artifactId", { nullable: true, description: "The one artifact that this task makes." }),
    artifactType: t.exposeString("artifactType", { nullable: true }),
    metadata: t.field({ type: "JSON", resolve: (task) => read(task, "metadata") }),
    branchName: t.exposeString("branchName", { nullable: true }),
    commitHash: t.exposeString("commitHash", { nullable: true }),
    prNumber: t.exposeInt("prNumber", { nullable: true }),
    dueDate: t.expose("dueDate", { type: "DateTime", nullable: true }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    updatedAt: t.expose("updatedAt", { type: "DateTime" }),
    startedAt: t.expose("startedAt", { type: "DateTime", nullable: true, description: "When it was first claimed." }),
    completedAt: t.expose("completedAt", { type: "DateTime", nullable: true }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "Set only where a deleted task still shows: in events and in the answer that deleted it.",
    }),
    createdBy: t.exposeString("createdBy", { nullable: true }),
    claimedBy: t.exposeString("claimedBy", { nullable: true, description: "The worker that holds it now." }),
    leaseExpiresAt: t.expose("leaseExpiresAt", {
      type: "DateTime",
      nullable: true,
      description: "Until when it is held; from then on anybody may claim it.",
    }),
    version: t.exposeInt("version", { description: "Counts the changes; for expectedVersion." }),
    attemptCount: t.exposeInt("attemptCount", { description: "How often it was claimed." }),
    attempts: t.field({
      type: [Attempt],
      description: "Every holding of it, oldest first, in pages.",
      args: {
        first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "At most 100." }),
        after: t.arg.int({ description: "The number of the last attempt seen; without it from the first." }),
      },
      resolve: async (task, args, ctx, info) =>
        (await loadAttempts(ctx, task, { ...args, long: selectedBelow(info, "Attempt", ATTEMPT.long) })) ?? [],
    }),
  }),
});

export const TaskConnection = builder.connectionObject({ name: "TaskConnection", type: Task }, { name: "TaskEdge" });
