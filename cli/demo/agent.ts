import { randomUUID } from "node:crypto";
import { type FaultCode, mayPass, ServerError } from "../../client/faults.ts";
import { graphql } from "../../client/gen/gql.ts";
import type { TypedDocumentString } from "../../client/gen/graphql.ts";
import type { DataOf, GraphQLRequest } from "../../client/request.ts";
import type { DemoProject } from "./projects.ts";

/** What the agents of a demo share. */
export interface DemoWorld {
  readonly request: GraphQLRequest;
  /** Resolves when an agent may take its next step; rejects when the demo ends. */
  readonly pace: () => Promise<void>;
  readonly print: (line: string) => void;
  /** A number from 0 up to 1, as Math.random gives. */
  readonly random: () => number;
}

const AddDemoTasks = graphql(`
  mutation AddDemoTasks($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
    }
  }
`);

const ClaimDemoTask = graphql(`
  mutation ClaimDemoTask($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        taskId
        description
        project {
          taskCounts {
            status
            count
          }
        }
      }
    }
  }
`);

const SaveDemoProgress = graphql(`
  mutation SaveDemoProgress($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      attempt
    }
  }
`);

const FinishDemoTask = graphql(`
  mutation FinishDemoTask($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      task {
        taskId
      }
    }
  }
`);

const GiveBackDemoTask = graphql(`
  mutation GiveBackDemoTask($input: ReleaseTaskInput!) {
    releaseTask(input: $input) {
      task {
        taskId
      }
    }
  }
`);

const ReserveDemoIds = graphql(`
  mutation ReserveDemoIds($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
      }
    }
  }
`);

const ConfirmDemoIds = graphql(`
  mutation ConfirmDemoIds($input: ConfirmReservationInput!) {
    confirmReservation(input: $input) {
      released
    }
  }
`);

/** The lease of a claim, in seconds: short, so that tasks of a stopped demo are soon free for the next one. */
const LEASE_SECONDS = 60;
/** Fewer pending tasks than this, and the agents plan more. */
const FEW_TASKS = 3;
const STEPS = ["read the code", "change written", "tests green"];
/** Codes that no further try would change. */
const HOPELESS: readonly FaultCode[] = ["UNAUTHENTICATED", "FORBIDDEN", "PROJECT_ARCHIVED"];

/** Puts a handful of tasks into a project, which is created when it is not there. */
export async function planTasks(world: DemoWorld, project: DemoProject, planner: string): Promise<void> {
  const tasks = project.work.map((description) => ({ description, priority: Math.floor(world.random() * 5) }));
  const input = { projectId: project.projectId, createProject: true, tasks };
  const { addTasks } = await ask(world, AddDemoTasks, input, planner);
  say(world, project, planner, `plans ${addTasks.taskIds.join(", ")}`);
}

/**
 * Works on one project until the pace ends: claims, saves progress, reserves IDs, completes or gives back. Goes on
 * after errors of single tasks; throws a ServerError when its key is refused, or the project archived.
 */
export async function workAsAgent(world: DemoWorld, project: DemoProject, worker: string): Promise<never> {
  for (;;) {
    await world.pace();
    try {
      await takeOneTask(world, project, worker);
    } catch (error) {
      if (!(error instanceof ServerError) || error.is(...HOPELESS)) throw error;
      say(world, project, worker, `goes on after: ${error.message}`);
    }
  }
}

async function takeOneTask(world: DemoWorld, project: DemoProject, worker: string): Promise<void> {
  const { projectId } = project;
  const { claimNextTask } = await ask(world, ClaimDemoTask, { projectId, worker, leaseSeconds: LEASE_SECONDS }, worker);
  const { task, attempt } = claimNextTask;
  if (task === null) return planTasks(world, project, worker);

  const { taskId } = task;
  say(world, project, worker, `claims ${taskId}: ${task.description}`);
  const pending = task.project.taskCounts.find(({ status }) => status === "PENDING")?.count ?? 0;
  if (pending < FEW_TASKS) await planTasks(world, project, worker);

  for (const step of STEPS.slice(0, 1 + Math.floor(world.random() * STEPS.length))) {
    await world.pace();
    const input = { projectId, taskId, attempt, leaseSeconds: LEASE_SECONDS, checkpoint: { step } };
    await ask(world, SaveDemoProgress, input, worker);
    say(world, project, worker, `saves ${taskId}: ${step}`);
  }
  if (world.random() < 0.3) await reserveIds(world, project, worker);

  await world.pace();
  if (world.random() < 0.1) {
    await ask(world, GiveBackDemoTask, { projectId, taskId, attempt, notes: "needs another pair of eyes" }, worker);
    say(world, project, worker, `gives back ${taskId}`);
  } else {
    const input = { projectId, taskId, attempt, status: "COMPLETED" as const, completionNotes: `done by ${worker}` };
    await ask(world, FinishDemoTask, input, worker);
    say(world, project, worker, `completes ${taskId}`);
  }
}

async function reserveIds(world: DemoWorld, project: DemoProject, worker: string): Promise<void> {
  const { projectId, artifactType } = project;
  const count = 2 + Math.floor(world.random() * 3);
  const { reserveIds: answer } = await ask(world, ReserveDemoIds, { projectId, artifactType, count }, worker);
  const { reservedIds, reservation } = answer;
  if (reservedIds === null || reservation === null) return;
  say(world, project, worker, `reserves ${reservedIds.join(", ")}`);

  await world.pace();
  // Now and then an agent needs fewer than it thought.
  const ids = world.random() < 0.25 ? reservedIds.slice(0, -1) : reservedIds;
  await ask(world, ConfirmDemoIds, { reservationId: reservation.reservationId, ids }, worker);
  say(world, project, worker, `confirms ${ids.join(", ")}`);
}

/** Asks until there is an answer, each time under the same idempotency key: a server may restart meanwhile. */
async function ask<Result, Input extends { idempotencyKey?: string | null | undefined }>(
  { request, pace, print }: DemoWorld,
  document: TypedDocumentString<Result, { input: Input }>,
  input: Input,
  who: string,
): Promise<DataOf<Result>> {
  const variables = { input: { ...input, idempotencyKey: randomUUID() } };
  for (;;) {
    try {
      return await request(document, variables);
    } catch (error) {
      if (!mayPass(error)) throw error;
      print(`${who} waits: ${error.message}`);
      await pace();
    }
  }
}

function say({ print }: DemoWorld, { projectId }: DemoProject, who: string, what: string): void {
  print(`${projectId.padEnd(19)} ${who.padEnd(5)} ${what}`);
}
