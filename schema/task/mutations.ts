import { addTasks, type TasksAdded } from "../../src/tasks/add.ts";
import { LARGEST_BATCH } from "../../src/tasks/batch.ts";
import { briefing } from "../../src/tasks/briefing.ts";
import { capabilities } from "../../src/tasks/capability.ts";
import { claimNext } from "../../src/tasks/claim-next.ts";
import { completeAndClaimNext } from "../../src/tasks/complete-and-claim-next.ts";
import { deleteTask } from "../../src/tasks/delete.ts";
import { TASK } from "../../src/tasks/fields.ts";
import type { TaskKey } from "../../src/tasks/locate.ts";
import { releaseTask } from "../../src/tasks/release.ts";
import { renewLease } from "../../src/tasks/renew-lease.ts";
import { updateTask } from "../../src/tasks/update.ts";
import { updateStatus } from "../../src/tasks/update-status.ts";
import { builder } from "../builder.ts";
import { ALLOW_JUMP, keyed, replayedDescription } from "../context.ts";
import { listSize } from "../cost.ts";
import { givenFields } from "../noun.ts";
import {
  ATTEMPT_GIVEN,
  answeredTask,
  attemptOf,
  Briefing,
  claimPayload,
  holdingField,
  taskPayload,
} from "./payload.ts";
import { Task, TaskKind, TaskStatus } from "./task.ts";

const PROJECT =
  "May be left out for the task of that id that the caller holds, by its attempt or client id, and where the key sees only one project. AMBIGUOUS_TASK_ID names the projects to choose from.";
const ATTEMPT =
  "The attempt you hold, exactly as the claim returned it. Without it, only the key and the client id (header Docket-Client-Id) that claimed the task may write it.";
const LEASE = "Default: the project's leaseSeconds.";
const WORKER = "A name for people to read; it proves nothing. Default: the key's name.";
const KEY = "Asked again with the same key and input, the first answer comes back.";
const VERSION = "Refuse if the task's version is another one.";

const AddTaskItem = builder.inputType("AddTaskItem", {
  fields: (t) => ({
    projectId: t.id({ description: "Default: the input's. A batch may span projects." }),
    taskId: t.id({
      description:
        "Given IDs are registered: ID_TAKEN if somebody has it, BAD_USER_INPUT if it jumps too far ahead (idJumpLimit). Others are allocated.",
    }),
    ...givenFields(t, TASK, "create", { kind: TaskKind }),
    status: t.field({ type: TaskStatus, description: "Default PENDING. IN_PROGRESS opens your attempt." }),
    artifactId: t.id({
      description: "The artifact to make, like HLS-012: description and expectedOutputs follow from it.",
    }),
    artifactType: t.string({ description: "Follows from artifactId." }),
    generator: t.string({ description: "Same as generatorName." }),
    parentId: t.id({ description: "The artifact it is made from: becomes inputs." }),
  }),
});

const AddTasksPayload = builder.objectRef<TasksAdded & { replayed: boolean }>("AddTasksPayload").implement({
  fields: (t) => ({
    tasksAdded: t.int({ resolve: ({ tasks }) => tasks.length }),
    taskIds: t.idList({ resolve: ({ tasks }) => tasks.map(({ taskId }) => taskId) }),
    createdProjects: t.idList({
      description:
        "Projects that createProject made for them. Nobody knew them before: look whether one is a misspelling.",
      resolve: ({ createdProjects = [] }) => [...createdProjects],
    }),
    tasks: t.field({
      type: [Task],
      description: "In the order given.",
      extensions: listSize(LARGEST_BATCH),
      resolve: ({ tasks }, _args, ctx, info) => Promise.all(tasks.map((key) => answeredTask(key, ctx, info))),
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
    replayed: t.exposeBoolean("replayed", { description: replayedDescription }),
  }),
});

interface StatusAnswer extends TaskKey {
  readonly attempt: number | null;
  /** As the caller named itself. */
  readonly worker: string | null | undefined;
  readonly replayed: boolean;
}

const UpdateTaskStatusPayload = taskPayload<StatusAnswer>("UpdateTaskStatusPayload");
builder.objectFields(UpdateTaskStatusPayload, (t) => ({
  attempt: t.id({
    nullable: true,
    description: `Your attempt, when the status is IN_PROGRESS. ${ATTEMPT_GIVEN}`,
    resolve: (held, _args, ctx) => attemptOf(ctx, held),
  }),
  briefing: t.field({
    type: Briefing,
    nullable: true,
    resolve: ({ attempt, ...key }, _args, ctx) => (attempt === null ? null : briefing(ctx, key, attempt)),
  }),
  holding: holdingField(t, ({ worker, projectId, taskId }) => ({ worker, besides: { projectId, taskId } })),
}));

const CompleteAndClaimNextPayload =
  claimPayload<Awaited<ReturnType<typeof completeAndClaimNext>>>("CompleteAndClaimNextPayload");
builder.objectFields(CompleteAndClaimNextPayload, (t) => ({
  completed: t.field({
    type: Task,
    resolve: ({ completed }, _args, ctx, info) => answeredTask(completed, ctx, info),
  }),
}));

const RenewTaskLeasePayload = taskPayload<Awaited<ReturnType<typeof renewLease>>>("RenewTaskLeasePayload");
builder.objectFields(RenewTaskLeasePayload, (t) => ({
  attempt: t.id({
    nullable: true,
    description: "Your attempt; null for an admin that renewed another's.",
    resolve: (held, _args, ctx) => attemptOf(ctx, held),
  }),
  leaseExpiresAt: t.field({
    type: "DateTime",
    resolve: ({ leaseExpiresAt }) => new Date(leaseExpiresAt),
  }),
}));

builder.mutationFields((t) => ({
  addTasks: t.fieldWithInput({
    type: AddTasksPayload,
    nullable: true,
    description:
      "Adds 1 to 100 tasks in order, all or none. PROJECT_NOT_FOUND, ID_TAKEN, ID_SPACE_EXHAUSTED, BAD_USER_INPUT naming every bad item.",
    input: {
      projectId: t.input.id({ description: "For items that name none." }),
      createProject: t.input.boolean({ description: "Create a project that does not exist, if this key may." }),
      worker: t.input.string({ description: `For items that come IN_PROGRESS. ${WORKER}` }),
      leaseSeconds: t.input.int({ description: `For items that come IN_PROGRESS. ${LEASE}` }),
      allowJump: t.input.boolean({ description: ALLOW_JUMP }),
      tasks: t.input.field({ type: [AddTaskItem], required: true }),
      idempotencyKey: t.input.string({ description: KEY }),
    },
    resolve: (_root, { input }, ctx, info) => addTasks(ctx, keyed(input, ctx, info)),
  }),

  updateTask: t.fieldWithInput({
    type: taskPayload("UpdateTaskPayload"),
    nullable: true,
    description:
      "Changes what is said of a task, also while somebody holds it; null empties a field. TASK_NOT_FOUND, VERSION_CONFLICT, LEASE_LOST, BAD_USER_INPUT",
    input: {
      projectId: t.input.id({ description: PROJECT }),
      taskId: t.input.id({ required: true }),
      attempt: t.input.id({ description: "Refuse the change unless this attempt still holds the task." }),
      expectedVersion: t.input.int({ description: VERSION }),
      idempotencyKey: t.input.string({ description: KEY }),
      ...givenFields(t.input, TASK, "update", { kind: TaskKind }),
    },
    resolve: (_root, { input }, ctx, info) => updateTask(ctx, keyed(input, ctx, info)),
  }),

  updateTaskStatus: t.fieldWithInput({
    type: UpdateTaskStatusPayload,
    nullable: true,
    description:
      "PENDING → IN_PROGRESS claims this very task; IN_PROGRESS → COMPLETED or PENDING is for its holder; COMPLETED → PENDING " +
      "only with reset. INVALID_STATUS_TRANSITION, LEASE_LOST naming the holder, TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, VERSION_CONFLICT",
    input: {
      projectId: t.input.id({ description: PROJECT }),
      taskId: t.input.id({ required: true }),
      status: t.input.field({ type: TaskStatus, required: true }),
      completionNotes: t.input.string({ description: "With COMPLETED, what came of it; with PENDING, why not." }),
      reset: t.input.boolean({ description: "Allow COMPLETED → PENDING." }),
      attempt: t.input.id({ description: ATTEMPT }),
      takeOver: t.input.boolean({
        description:
          "With IN_PROGRESS: take the task from another session of your key and worker name, as a new attempt. LEASE_LOST while that one was claimed or renewed less than half a lease ago.",
      }),
      worker: t.input.string({ description: WORKER }),
      leaseSeconds: t.input.int({ description: LEASE }),
      expectedVersion: t.input.int({ description: VERSION }),
      idempotencyKey: t.input.string({ description: KEY }),
    },
    resolve: async (_root, { input }, ctx, info) => ({
      ...(await updateStatus(ctx, keyed(input, ctx, info))),
      worker: input.worker,
    }),
  }),

  claimNextTask: t.fieldWithInput({
    type: claimPayload<Awaited<ReturnType<typeof claimNext>>>("ClaimNextTaskPayload"),
    nullable: true,
    description:
      "Takes the next ready task of the project: by priority, then place in the queue. No two callers get the same one. PROJECT_NOT_FOUND",
    input: {
      projectId: t.input.id({ required: true }),
      worker: t.input.string({ description: WORKER }),
      leaseSeconds: t.input.int({ description: LEASE }),
      idempotencyKey: t.input.string({
        description: "Ask again with it after a lost answer: the same task comes back.",
      }),
    },
    resolve: (_root, { input }, ctx, info) => claimNext(ctx, keyed(input, ctx, info)),
  }),

  completeAndClaimNext: t.fieldWithInput({
    type: CompleteAndClaimNextPayload,
    nullable: true,
    description: "Completes a task and takes the next of its project, both or neither. Errors as updateTaskStatus.",
    input: {
      projectId: t.input.id({ description: PROJECT }),
      taskId: t.input.id({ required: true }),
      attempt: t.input.id({ description: ATTEMPT }),
      completionNotes: t.input.string(),
      worker: t.input.string({ description: "Default: the worker of the completed attempt." }),
      leaseSeconds: t.input.int({ description: LEASE }),
      idempotencyKey: t.input.string({ description: KEY }),
    },
    resolve: (_root, { input }, ctx, info) => completeAndClaimNext(ctx, keyed(input, ctx, info)),
  }),

  renewTaskLease: t.fieldWithInput({
    type: RenewTaskLeasePayload,
    nullable: true,
    description:
      "Keeps a task for longer and may leave a checkpoint for whoever comes next. Renew every third of the lease. LEASE_LOST naming the holder",
    input: {
      projectId: t.input.id({ description: PROJECT }),
      taskId: t.input.id({ required: true }),
      attempt: t.input.id({ description: ATTEMPT }),
      leaseSeconds: t.input.int({ description: `From now. ${LEASE}` }),
      checkpoint: t.input.field({ type: "JSON" }),
      idempotencyKey: t.input.string({ description: KEY }),
    },
    resolve: (_root, { input }, ctx, info) => renewLease(ctx, keyed(input, ctx, info)),
  }),

  releaseTask: t.fieldWithInput({
    type: taskPayload("ReleaseTaskPayload"),
    nullable: true,
    description: "Gives a held task back to the queue. LEASE_LOST naming the holder",
    input: {
      projectId: t.input.id({ description: PROJECT }),
      taskId: t.input.id({ required: true }),
      attempt: t.input.id({ description: ATTEMPT }),
      notes: t.input.string({ description: "Why; the next worker reads it." }),
      checkpoint: t.input.field({ type: "JSON" }),
      idempotencyKey: t.input.string({ description: KEY }),
    },
    resolve: (_root, { input }, ctx, info) => releaseTask(ctx, keyed(input, ctx, info)),
  }),

  deleteTask: t.fieldWithInput({
    type: taskPayload("DeleteTaskPayload"),
    nullable: true,
    description: "Takes a task off every list; its ID and history stay. LEASE_LOST when somebody else holds it.",
    input: {
      projectId: t.input.id({ description: PROJECT }),
      taskId: t.input.id({ required: true }),
      attempt: t.input.id({ description: ATTEMPT }),
      expectedVersion: t.input.int({ description: VERSION }),
      idempotencyKey: t.input.string({ description: KEY }),
    },
    resolve: (_root, { input }, ctx, info) => deleteTask(ctx, keyed(input, ctx, info)),
  }),
}));
