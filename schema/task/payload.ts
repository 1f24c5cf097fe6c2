import type { GraphQLResolveInfo } from "graphql";
import { taskNotFound } from "../../src/errors.ts";
import { BRIEFING_BYTES, type Briefing as BriefingShape, LONGEST_BRIEFING } from "../../src/tasks/briefing.ts";
import { capability } from "../../src/tasks/capability.ts";
import type { Claim } from "../../src/tasks/claim-next.ts";
import { type HeldTask as HeldTaskShape, holding, MOST_HELD } from "../../src/tasks/holding.ts";
import type { Idle as IdleShape } from "../../src/tasks/idle.ts";
import type { ReadyReason as Reason } from "../../src/tasks/reasons.ts";
import { type Taken, workerOf } from "../../src/tasks/take.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder, type FieldBuilder } from "../builder.ts";
import { choiceEnum } from "../choice.ts";
import type { GraphQLContext } from "../context.ts";
import { listSize } from "../cost.ts";
import { loadBriefing, loadCapability, loadTask, longOf } from "./load.ts";
import { Attempt, Task } from "./task.ts";

export const ReadyReason = choiceEnum<Reason>("ReadyReason", "Why a task is not handed out.", {
  blocked: "It waits for another task, which is open.",
  waiting: "Its time (readyAt) has not come.",
  parked: "It is kept from being claimed until somebody decides.",
  held: "Somebody works on it.",
  locked: "Other claims had locked it at this moment.",
  has_open_children: "Children of it are open.",
  kind_not_asked: "It is a project or a session, which are not handed out unless asked for.",
  skills_missing: "It requires skills that the claim does not name.",
  assigned: "It is kept for another worker.",
  filtered_out: "The claim asked for others.",
  template: "It is the template of a recurring task.",
  archived: "It was archived.",
  project_archived: "Its project is archived.",
  project_paused: "Its project is paused.",
  project_at_limit: "As many tasks of its project are in progress as may be.",
  worker_at_limit: "The worker holds as many tasks of its project as it may.",
  budget_spent: "The budget of its project is spent.",
});

const ReasonCount = builder.objectRef<IdleShape["reasons"][number]>("ReasonCount").implement({
  description: "How many tasks one reason keeps from being handed out; a task may have several.",
  fields: (t) => ({
    reason: t.expose("reason", { type: ReadyReason, description: "Why." }),
    count: t.exposeInt("count", { description: "How many open tasks; 1 for a reason of the project or the worker." }),
  }),
});

export const Idle = builder.objectRef<IdleShape>("Idle").implement({
  description: "Why there is nothing to claim.",
  fields: (t) => ({
    message: t.exposeString("message", { description: "The reason in words, for people and models." }),
    pending: t.exposeInt("pending", {
      description: "Ready tasks that other claims had locked at this moment; if not 0, ask again at once.",
    }),
    held: t.exposeInt("held", { description: "Tasks in progress under a lease that has not ended." }),
    retryAt: t.expose("retryAt", {
      type: "DateTime",
      nullable: true,
      description: "When the first of those leases ends, or a task's time comes; null if there is no such time.",
    }),
    reasons: t.expose("reasons", {
      type: [ReasonCount],
      description: "What keeps the open tasks of the project from being handed out.",
      extensions: listSize(0),
    }),
  }),
});

export const Briefing = builder.objectRef<BriefingShape>("Briefing").implement({
  description: "What earlier attempts leave to the next worker; the current attempt is not in it.",
  fields: (t) => ({
    attempts: t.expose("attempts", {
      type: [Attempt],
      description: `The latest ${LONGEST_BRIEFING} at most, fewer where their texts are longer than ${BRIEFING_BYTES / 1024 ** 2} MB together, oldest first; Task.attempts has them all.`,
      extensions: listSize(LONGEST_BRIEFING),
    }),
    checkpoint: t.expose("checkpoint", { type: "JSON", nullable: true, description: "The newest that was left." }),
    branchName: t.exposeString("branchName", {
      nullable: true,
      description: "The Git branch of the work so far; null if none was named.",
    }),
  }),
});

/** A task that a mutation answers with: its current state, also when it was deleted. @throws TASK_NOT_FOUND */
export const answeredTask = async (key: TaskKey, ctx: GraphQLContext, info: GraphQLResolveInfo) =>
  (await loadTask(ctx, key, { long: longOf(info) })) ?? Promise.reject(taskNotFound(key.taskId));

/** `task`, for verbs whose result is the key of one. */
export const taskOf = <Parent extends TaskKey>(t: FieldBuilder<Parent>) =>
  t.field({
    type: Task,
    description: "As it is now.",
    resolve: (key, _args, ctx, info) => answeredTask(key, ctx, info),
  });

const HeldTask = builder.objectRef<HeldTaskShape>("HeldTask").implement({
  description: "A task that a key holds under a worker's name, in this session or in another.",
  fields: (t) => ({
    projectId: t.exposeID("projectId", { description: "The project that the task belongs to." }),
    taskId: t.exposeID("taskId", { description: "Like TASK-046; unique within the project." }),
    worker: t.exposeString("worker", { nullable: true, description: "The name it was claimed under; null if none." }),
    leaseExpiresAt: t.expose("leaseExpiresAt", {
      type: "DateTime",
      description: "In the future: what has expired is held no longer.",
    }),
    lastRenewedAt: t.expose("lastRenewedAt", {
      type: "DateTime",
      nullable: true,
      description:
        "null: not since it was claimed. After half a lease of silence updateTaskStatus moves the task here: status IN_PROGRESS with takeOver.",
    }),
    thisSession: t.exposeBoolean("thisSession", {
      description: "Whether this key claimed it with this client id (header Docket-Client-Id).",
    }),
  }),
});

/** `holding`, for a caller that looks or claims under a worker's name. */
export const holdingField = <Parent>(
  t: FieldBuilder<Parent>,
  of: (parent: Parent) => { readonly worker?: string | null | undefined; readonly besides: TaskKey | null },
) =>
  t.field({
    type: [HeldTask],
    description: `What this key holds already under the same worker name, newest first, at most ${MOST_HELD}; the task that this answer is about is not in it. Empty for a caller that gives neither a worker nor a client id (header Docket-Client-Id): it may be anybody of this key.`,
    extensions: listSize(MOST_HELD),
    resolve: (parent, _args, ctx) => {
      const { worker, besides } = of(parent);
      return holding(ctx, workerOf(ctx, { worker }), besides);
    },
  });

export const ATTEMPT_GIVEN =
  "Like 2-9f86d081884c, and nobody else's: send it as it is with every later write of this task, as it proves that you hold it. A refused write (LEASE_LOST) means that it has ended.";

/** The attempt as its holder is given it. Only what is answered again has to look for its secret. */
const asGiven = (ctx: GraphQLContext, { secret, ...key }: Taken) =>
  secret === undefined ? loadCapability(ctx, key) : capability({ attempt: key.attempt, secret });

/** `attempt`, where the result has the caller's. */
export const attemptField = <
  Parent extends TaskKey & { readonly attempt: number | null; readonly secret?: string | undefined },
>(
  t: FieldBuilder<Parent>,
  description: string,
) =>
  t.id({
    nullable: true,
    description,
    resolve: async ({ attempt, projectId, taskId, secret }, _args, ctx) =>
      attempt === null ? null : await asGiven(ctx, { projectId, taskId, attempt, secret }),
  });

/** `{task attempt briefing idle holding}`, for verbs that take the next task. */
export const claimFields = <Parent extends Claim>(t: FieldBuilder<Parent>) => ({
  task: t.field({
    type: Task,
    nullable: true,
    description: "null when there was nothing to take; idle says why.",
    resolve: ({ taken }, _args, ctx, info) => taken && answeredTask(taken, ctx, info),
  }),
  attempt: t.id({
    nullable: true,
    description: `null when there was nothing to take. ${ATTEMPT_GIVEN}`,
    resolve: async ({ taken }, _args, ctx) => taken && (await asGiven(ctx, taken)),
  }),
  briefing: t.field({
    type: Briefing,
    nullable: true,
    description: "What earlier attempts at the task leave; null when there was nothing to take.",
    resolve: ({ taken }, _args, ctx) => taken && loadBriefing(ctx, taken),
  }),
  idle: t.field({
    type: Idle,
    nullable: true,
    description: "Why there was nothing to take; null when there was.",
    resolve: ({ idle }) => idle,
  }),
  holding: holdingField(t, ({ worker, taken }) => ({ worker, besides: taken })),
});
