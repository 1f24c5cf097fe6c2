import type { TypedDocumentString } from "../../../client/gen/graphql.ts";
import type { Context } from "../../../src/access/viewer.ts";
import { reserveIds } from "../../../src/ids/reserve.ts";
import { listProjects } from "../../../src/projects/list.ts";
import { addTasks } from "../../../src/tasks/add.ts";
import { capabilityOf } from "../../../src/tasks/capability.ts";
import { claimNextTask } from "../../../src/tasks/claim-next.ts";
import type { Task } from "../../../src/tasks/fields.ts";
import { findTasks } from "../../../src/tasks/find.ts";
import { listTasks } from "../../../src/tasks/list.ts";
import { renewTaskLease } from "../../../src/tasks/renew-lease.ts";
import { statusCountsOf } from "../../../src/tasks/status-counts.ts";
import type { TaskKey, TaskStatus } from "../../../src/tasks/task.ts";
import { updateTaskStatus } from "../../../src/tasks/update-status.ts";
import {
  CompareBatch,
  CompareClaim,
  CompareCounts,
  CompareEmpty,
  CompareList,
  CompareRenew,
  CompareReserve,
  CompareStatus,
  CompareTask,
} from "../documents.ts";
import { nameOf } from "../operations.ts";

export type Resolver = (ctx: Context, variables: never) => Promise<object>;

const ANSWERS = new Map<string, Resolver>();

/** The compiler holds each answer to the shape that GraphQL gives. */
function answer<Result extends object, Variables>(
  document: TypedDocumentString<Result, Variables>,
  give: (ctx: Context, variables: Variables) => Promise<Result>,
): void {
  ANSWERS.set(nameOf(document), give);
}

/** @throws Error for a document that nobody answers. */
export function answerTo(name: string): Resolver {
  const found = ANSWERS.get(name);
  if (!found) throw new Error(`Nothing answers ${name}.`);
  return found;
}

const STATUS = { pending: "PENDING", in_progress: "IN_PROGRESS", completed: "COMPLETED" } as const;
const FROM_STATUS = { PENDING: "pending", IN_PROGRESS: "in_progress", COMPLETED: "completed" } as const;

const card = ({ projectId, taskId, status, priority, description }: Task) => ({
  projectId,
  taskId,
  status: STATUS[status as TaskStatus],
  priority,
  description,
});

async function found({ db }: Context, key: TaskKey, long: Parameters<typeof findTasks>[2]): Promise<Task> {
  const [task] = await findTasks(db, [key], long);
  if (!task) throw new Error(`There is no ${key.taskId} in ${key.projectId}.`);
  return task;
}

answer(CompareEmpty, async () => ({ __typename: "Query" as const }));

answer(CompareTask, async (ctx, { projectId, taskId }) => ({
  task: card(await found(ctx, { projectId, taskId }, ["description"])),
}));

answer(CompareList, async (ctx, { projectId, status }) => {
  const page = await listTasks(ctx, {
    filter: { projects: [projectId], status: { eq: FROM_STATUS[status] } },
    first: 50,
    fields: ["status", "priority", "description"],
    cursors: false,
  });
  return { tasks: { nodes: page.edges.map(({ node }) => card(node)) } };
});

answer(CompareCounts, async (ctx) => {
  const { edges } = await listProjects(ctx, { first: 20 });
  const projectIds = edges.map(({ node }) => node.projectId);
  const counts = await statusCountsOf(ctx.db, projectIds);
  return {
    projects: {
      nodes: projectIds.map((projectId, i) => ({
        projectId,
        taskCounts: (counts[i] ?? []).map(({ status, count }) => ({ status: STATUS[status], count })),
      })),
    },
  };
});

answer(CompareClaim, async (ctx, { input }) => {
  const { taken } = await claimNextTask(ctx, { ...input, kinds: null });
  if (!taken) return { claimNextTask: { attempt: null, task: null } };
  const { projectId, taskId, description } = await found(ctx, taken, ["description"]);
  return { claimNextTask: { attempt: await capabilityOf(ctx, taken), task: { projectId, taskId, description } } };
});

answer(CompareRenew, async (ctx, { input }) => {
  const { leaseExpiresAt } = await renewTaskLease(ctx, input);
  return { renewTaskLease: { leaseExpiresAt } };
});

answer(CompareStatus, async (ctx, { input }) => {
  const { attempt, ...key } = await updateTaskStatus(ctx, { ...input, status: FROM_STATUS[input.status] });
  const { taskId, status } = await found(ctx, key, []);
  return {
    updateTaskStatus: {
      attempt: attempt === null ? null : await capabilityOf(ctx, { ...key, attempt }),
      task: { taskId, status: STATUS[status as TaskStatus] },
    },
  };
});

answer(CompareBatch, async (ctx, { input }) => {
  const tasks = input.tasks.map(({ description, priority }) => ({ description, priority }));
  const added = await addTasks(ctx, { projectId: input.projectId, idempotencyKey: input.idempotencyKey, tasks });
  return { addTasks: { taskIds: added.tasks.map(({ taskId }) => taskId) } };
});

answer(CompareReserve, async (ctx, { input }) => {
  const { reservedIds, reservationId } = await reserveIds(ctx, input);
  return { reserveIds: { reservedIds, reservation: { reservationId } } };
});
