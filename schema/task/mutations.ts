import { addTasks } from "../../src/tasks/add.ts";
import { capabilities } from "../../src/tasks/capability.ts";
import { claimNextTask } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { TASK } from "../../src/tasks/fields.ts";
import type { AddedKey as Added } from "../../src/tasks/plan/link.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { builder, type InputBuilder } from "../builder.ts";
import { ALLOW_JUMP } from "../context.ts";
import { listOf } from "../cost.ts";
import { mutation } from "../mutation.ts";
import { givenFields } from "../noun.ts";
import { address, VERSION } from "./address.ts";
import { loadBriefing } from "./load.ts";
import { ATTEMPT_GIVEN, answeredTask, attemptField, Briefing, claimFields, holdingField, taskOf } from "./payload.ts";
import { reminderFields, withoutOffsets } from "./reminders-given.ts";
import { CatchUp, ReleaseOutcome, Task, TaskKind, TaskStatus } from "./task.ts";
import { ONCE, usageField } from "./usage.ts";
import { becameReadyField, heldDependentsField } from "./waiting.ts";

const LEASE = "Default: the project's leaseSeconds.";
const WORKER = "A name for people to read; it proves nothing. Default: the key's name.";
const SKILLS =
  "What you can do, at most 50 of 100 characters: a task that requires skills is claimed by who names all of them.";
/** Which of the tasks that are ready a claim takes. */
const filters = (t: InputBuilder) => ({
  projects: t.idList({
    description:
      "Several projects instead of projectId, 1 to 100: of those with the highest priority a task of the project with the fewest tasks in progress. PROJECT_NOT_FOUND if one is unknown or outside this key.",
  }),
  labels: t.stringList({ description: "Only tasks that have all of these." }),
  kinds: t.field({ type: [TaskKind], description: "Only tasks of these kinds. Default: TASK and RESEARCH." }),
  skills: t.stringList({ description: SKILLS }),
  maxEstimate: t.float({ description: "Only tasks with metadata.estimated_hours, and at most so many." }),
});

const CHECKPOINT = "What the next worker should know if this one stops here: JSON, 64 KiB at most.";

const AddTaskItem = builder.inputType("AddTaskItem", {
  description: "One task to add: of `description` and `artifactId` it has one at least.",
  fields: (t) => ({
    projectId: t.id({ description: "Default: the input's. A batch may span projects." }),
    taskId: t.id({
      description:
        "Given IDs are registered: ID_TAKEN if somebody has it, BAD_USER_INPUT if it jumps too far ahead (idJumpLimit). Others are allocated.",
    }),
    ...withoutOffsets(givenFields(t, TASK, "create", { kind: TaskKind, catchUp: CatchUp })),
    ...reminderFields(t),
    status: t.field({ type: TaskStatus, description: "Default PENDING. IN_PROGRESS opens your attempt." }),
    artifactId: t.id({
      description: "The artifact to make, like HLS-012: description and expectedOutputs follow from it.",
    }),
    artifactType: t.string({ description: "Follows from artifactId." }),
    generator: t.string({ description: "Same as generatorName." }),
    parentId: t.id({
      description: "The artifact it is made from: becomes inputs. Its parent is parentKey or parentTaskId.",
    }),
    key: t.string({
      description: "What other items of this call name it by, 1 to 100 characters; nothing like the ID of a task.",
    }),
    parentKey: t.string({ description: "The key of the item that it is a part of, instead of parentTaskId." }),
    dependsOn: t.stringList({
      description:
        "What it waits for until that is completed or deleted: keys of items, and tasks that are there, like TASK-003, or web/TASK-003 of another project that this key sees. TASK_NOT_FOUND, PROJECT_NOT_FOUND, DEPENDENCY_CYCLE",
    }),
  }),
});

const AddedKey = builder.objectRef<Added>("AddedKey").implement({
  description: "The task that an item became.",
  fields: (t) => ({
    key: t.exposeString("key", { description: "Of the item." }),
    projectId: t.exposeID("projectId", { description: "The project of the task." }),
    taskId: t.exposeID("taskId", { description: "Like TASK-046." }),
    ready: t.exposeBoolean("ready", { description: "Whether a claim could have taken it when it was added." }),
  }),
});

mutation(addTasks, {
  description:
    "Adds 1 to 1,000 tasks in order, parents before their children, all or none. Items may wait for each other and be parts of each other by their keys: a whole plan is one call, with 5,000 dependencies at most. PROJECT_NOT_FOUND, TASK_NOT_FOUND, DEPENDENCY_CYCLE, ID_TAKEN, ID_SPACE_EXHAUSTED, BAD_USER_INPUT naming every bad item.",
  input: (t) => ({
    projectId: t.id({ description: "For items that name none." }),
    createProject: t.boolean({ description: "Create a project that does not exist, if this key may." }),
    worker: t.string({ description: `For items that come IN_PROGRESS. ${WORKER}` }),
    createdBy: t.string({
      description: "Who adds them, at most 100 characters: the session (client id) or else the key, unless told.",
    }),
    leaseSeconds: t.int({ description: `For items that come IN_PROGRESS. ${LEASE}` }),
    allowJump: t.boolean({ description: ALLOW_JUMP }),
    tasks: t.field({ type: [AddTaskItem], required: true, description: "1 to 1,000, of 100 projects at most." }),
  }),
  payload: (t) => ({
    tasksAdded: t.int({ description: "How many they are.", resolve: ({ tasks }) => tasks.length }),
    taskIds: t.idList({
      description: "In the order given.",
      resolve: ({ tasks }) => tasks.map(({ taskId }) => taskId),
    }),
    createdProjects: t.idList({
      description:
        "Projects that createProject made for them. Nobody knew them before: look whether one is a misspelling.",
      resolve: ({ createdProjects = [] }) => [...createdProjects],
    }),
    tasks: t.field({
      type: [Task],
      description: "In the order given.",
      extensions: listOf("tasks"),
      resolve: ({ tasks }, _args, ctx, info) => Promise.all(tasks.map((key) => answeredTask(key, ctx, info))),
    }),
    keys: t.field({
      type: [AddedKey],
      description:
        "The tasks by the keys of their items: first those that are ready, then the others, in the order given.",
      extensions: listOf("tasks"),
      resolve: ({ keys = [] }) => [...keys],
    }),
    attempts: t.idList({
      nullable: { list: false, items: true },
      description: `In the order given: your attempt at each item that came IN_PROGRESS, null for the others. ${ATTEMPT_GIVEN}`,
      resolve: async ({ tasks }, _args, ctx) => {
        const opened = tasks.flatMap(({ attempt, ...key }) => (attempt === undefined ? [] : [{ ...key, attempt }]));
        const given = await capabilities(ctx, opened);
        return tasks.map(({ attempt }) => (attempt === undefined ? null : (given.shift() ?? null)));
      },
    }),
  }),
});

mutation(updateTask, {
  description:
    "Changes what is said of a task, also while somebody holds it; null empties a field. TASK_NOT_FOUND, VERSION_CONFLICT, LEASE_LOST, BAD_USER_INPUT",
  input: (t) => ({
    ...address(t, "Refuse the change unless this attempt still holds the task."),
    expectedVersion: t.int({ description: VERSION }),
    ...withoutOffsets(givenFields(t, TASK, "update", { kind: TaskKind, catchUp: CatchUp })),
    ...reminderFields(t),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});

mutation(updateTaskStatus, {
  description:
    "PENDING → IN_PROGRESS claims this very task; IN_PROGRESS → COMPLETED or PENDING is for its holder; COMPLETED → PENDING " +
    "only with reset. INVALID_STATUS_TRANSITION, NOT_READY with the reasons, LEASE_LOST naming the holder, TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, VERSION_CONFLICT",
  input: (t) => ({
    ...address(t),
    status: t.field({ type: TaskStatus, required: true, description: "Where the task is to be." }),
    completionNotes: t.string({
      description: "With COMPLETED: what came of it, at most 100,000 characters. With PENDING it is read as notes.",
    }),
    notes: t.string({
      description: "With PENDING: why it is given back, at most 100,000 characters; the next worker reads it.",
    }),
    reset: t.boolean({ description: "Allow COMPLETED → PENDING." }),
    takeOver: t.boolean({
      description:
        "With IN_PROGRESS: take the task from another session of your key and worker name, as a new attempt. LEASE_LOST while that one was claimed or renewed less than half a lease ago.",
    }),
    worker: t.string({ description: WORKER }),
    skills: t.stringList({ description: `With IN_PROGRESS. ${SKILLS}` }),
    leaseSeconds: t.int({ description: LEASE }),
    usage: usageField(t, `With COMPLETED and PENDING. ${ONCE}`),
    expectedVersion: t.int({ description: VERSION }),
  }),
  payload: (t) => ({
    task: taskOf(t),
    attempt: attemptField(t, `Your attempt, when the status is IN_PROGRESS. ${ATTEMPT_GIVEN}`),
    briefing: t.field({
      type: Briefing,
      nullable: true,
      description: "What earlier attempts leave, when the status is IN_PROGRESS.",
      resolve: ({ attempt, ...key }, _args, ctx) => (attempt === null ? null : loadBriefing(ctx, { ...key, attempt })),
    }),
    becameReady: becameReadyField(t, (task) => task),
    heldDependents: heldDependentsField(t, (task) => task),
    holding: holdingField(t, ({ worker, projectId, taskId }) => ({ worker, besides: { projectId, taskId } })),
  }),
});

mutation(claimNextTask, {
  description:
    "Takes the next ready task of the project, or of several: by priority, then place in the queue. No two callers get the same one, and " +
    "none what is kept for another worker or requires a skill that it does not name. " +
    "With the idempotencyKey of a claim whose answer was lost, the same task comes back. PROJECT_NOT_FOUND",
  input: (t) => ({
    projectId: t.id({ description: "Whose queue; or projects." }),
    worker: t.string({ description: `${WORKER} A task that is assigned to it, no other worker gets.` }),
    leaseSeconds: t.int({ description: LEASE }),
    ...filters(t),
  }),
  payload: claimFields,
});

const NextTaskInput = builder.inputType("NextTaskInput", {
  description: "What the next task may be.",
  fields: (t) => ({ projectId: t.id({ description: "Default: that of the completed task." }), ...filters(t) }),
});

mutation(completeAndClaimNext, {
  description:
    "Completes a task and takes the next of its project, or of others, both or neither. Errors as updateTaskStatus.",
  input: (t) => ({
    ...address(t),
    completionNotes: t.string({ description: "What came of it." }),
    worker: t.string({ description: "Default: the worker of the completed attempt." }),
    leaseSeconds: t.int({ description: LEASE }),
    usage: usageField(t, ONCE),
    next: t.field({ type: NextTaskInput, description: "Of the task to take." }),
  }),
  payload: (t) => ({
    ...claimFields(t),
    becameReady: becameReadyField(t, ({ completed }) => completed),
    completed: t.field({
      type: Task,
      description: "The task that was completed.",
      resolve: ({ completed }, _args, ctx, info) => answeredTask(completed, ctx, info),
    }),
  }),
});

mutation(renewTaskLease, {
  description:
    "Keeps a task for longer and may leave a checkpoint for whoever comes next. Renew every third of the lease. LEASE_LOST naming the holder",
  input: (t) => ({
    ...address(t),
    leaseSeconds: t.int({ description: `From now. ${LEASE}` }),
    checkpoint: t.field({ type: "JSON", description: CHECKPOINT }),
    usage: usageField(t, "Sent again without one, it is added again."),
    idleSeconds: t.int({
      description:
        "For how many seconds the worker itself has made no call, where a program renews for it: 0 or more. Without it, and without a checkpoint, a renewal shows nothing of the worker: after the project's stalledAfterSeconds the attempt is stalled.",
    }),
  }),
  payload: (t) => ({
    task: taskOf(t),
    attempt: attemptField(t, "Your attempt; null for an admin that renewed another's."),
    leaseExpiresAt: t.field({
      type: "DateTime",
      description: "Until when the task is held now.",
      resolve: ({ leaseExpiresAt }) => new Date(leaseExpiresAt),
    }),
  }),
});

mutation(releaseTask, {
  description:
    "Gives a held task back to the queue. Without a checkpoint it counts as a failed attempt: after the second in a row the task waits (readyAt), after the project's maxAttempts it is parked. LEASE_LOST naming the holder",
  input: (t) => ({
    ...address(t),
    outcome: t.field({ type: ReleaseOutcome, description: "RELEASED by default." }),
    notes: t.string({ description: "Why; the next worker reads it." }),
    checkpoint: t.field({ type: "JSON", description: CHECKPOINT }),
    usage: usageField(t, ONCE),
    retryAfterSeconds: t.int({ description: "Let nobody claim it before: 0 to 604800 (a week)." }),
    sessionEnded: t.boolean({
      description:
        "true: given back only as the session ends. It counts as a failed attempt if that lived less than a minute and left no checkpoint.",
    }),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});
