import {
  SmokeAdd,
  SmokeClaim,
  SmokeComplete,
  SmokeConfirm,
  SmokeHistory,
  SmokeInstances,
  SmokeProject,
  SmokeReminded,
  SmokeRenew,
  SmokeReserve,
  SmokeSignIn,
  SmokeTake,
} from "./documents.ts";
import { initialize, listTools } from "./mcp.ts";
import type { Ground, Path } from "./path.ts";
import { hearOverEvents, hearOverSocket } from "./streams.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A reminder comes so long after its task, in milliseconds. */
const REMINDER_MS = 1_000;
const WORK = ["task.created", "task.claimed", "task.completed"];

async function add(
  { request, projectId, added }: Ground,
  task: Partial<Parameters<typeof taskOf>[0]>,
): Promise<string> {
  const { addTasks } = await request(SmokeAdd, { input: { projectId, tasks: [taskOf(task)] } });
  const [taskId] = addTasks.taskIds;
  if (taskId === undefined) throw new Error("addTasks answered without a task.");
  added.push(taskId);
  return taskId;
}

interface Wanted {
  readonly dueDate: string;
  readonly reminders: { readonly offset: string }[];
  readonly recurrencePattern: string;
}

const taskOf = (task: Partial<Wanted>) => ({ description: "Left by npm run smoke", ...task });

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

async function health({ url }: Ground): Promise<string> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) }).catch(
    (cause: unknown) => {
      throw new Error(`Nothing answers at ${url}. Is the server started, and the address right?`, { cause });
    },
  );
  const { status, reasons } = (await response.json().catch(() => ({}))) as { status?: string; reasons?: string[] };
  if (status === undefined) throw new Error(`${url}/health/ready is not Docket's: ${response.status}.`);
  if (!response.ok) throw new Error(reasons?.join(" ") ?? status);
  return status;
}

async function tasks(ground: Ground): Promise<string> {
  const { request, projectId } = ground;
  const taskId = await add(ground, {});
  const { claimNextTask: claim } = await request(SmokeClaim, { input: { projectId, worker: "smoke" } });
  if (claim.task?.taskId !== taskId || claim.attempt == null)
    throw new Error(`The claim did not get ${taskId}: ${claim.idle?.message ?? claim.task?.taskId}`);
  const held = { projectId, taskId, attempt: claim.attempt };
  await request(SmokeRenew, { input: { ...held, leaseSeconds: 900 } });
  const { updateTaskStatus: done } = await request(SmokeComplete, { input: { ...held, status: "COMPLETED" } });
  if (done.task.status !== "COMPLETED") throw new Error(`${taskId} is ${done.task.status} after it was completed.`);
  ground.worked = taskId;
  return `${taskId} added, claimed, renewed and completed`;
}

async function ids({ request, projectId }: Ground): Promise<string> {
  const { reserveIds } = await request(SmokeReserve, { input: { projectId, artifactType: "US", count: 2 } });
  const { reservationId } = reserveIds.reservation;
  const { confirmReservation } = await request(SmokeConfirm, { input: { reservationId } });
  if (confirmReservation.reservation.status !== "CONFIRMED") throw new Error("The reservation was not confirmed.");
  const { takeId } = await request(SmokeTake, { input: { projectId, artifactType: "US" } });
  const all = [...reserveIds.reservedIds, takeId.id];
  if (new Set(all).size !== 3) throw new Error(`An ID was given twice: ${all.join(", ")}`);
  return all.join(", ");
}

async function reminder(ground: Ground): Promise<string> {
  const { request, projectId, patienceMs } = ground;
  // The server's clock counts, which may differ from this one by less than the minute.
  await add(ground, { dueDate: inMs(MINUTE_MS + REMINDER_MS), reminders: [{ offset: "1 minute" }] });
  const deadline = performance.now() + REMINDER_MS + patienceMs;
  for (let left = REMINDER_MS + patienceMs; left > 0; left = deadline - performance.now()) {
    const waitSeconds = Math.min(Math.ceil(left / 1_000), 20);
    const { events } = await request(SmokeReminded, { projectId, waitSeconds }, { waitMs: waitSeconds * 1_000 });
    if (events.events.length > 0) return "triggered";
  }
  throw new Error(
    `A reminder that was due after ${REMINDER_MS / 1_000} s was not triggered within ${patienceMs / 1_000} s more. ` +
      "Does a process run the job `reminders` (DOCKET_JOBS; the query jobs tells)?",
  );
}

async function recurrence(ground: Ground): Promise<string> {
  const { request, projectId } = ground;
  const taskId = await add(ground, { dueDate: inMs(DAY_MS), recurrencePattern: "daily" });
  const { task } = await request(SmokeInstances, { projectId, taskId });
  const [first] = task.instances.nodes;
  if (first === undefined) throw new Error(`${taskId}, which recurs, has no first instance.`);
  ground.added.push(first.taskId);
  return `first instance due ${first.dueDate}`;
}

async function history({ request, projectId, worked = "" }: Ground): Promise<string> {
  const { task } = await request(SmokeHistory, { projectId, taskId: worked });
  const types: string[] = task.history?.events.map(({ type }) => type) ?? [];
  const seen = types.filter((type) => WORK.includes(type));
  if (seen.join() !== WORK.join()) throw new Error(`The history of ${worked} is ${types.join(", ") || "empty"}.`);
  return seen.join(", ");
}

/** In the order in which they are tried. */
export const PATHS: readonly Path[] = [
  { name: "health", needs: [], try: health },
  {
    name: "sign-in",
    needs: ["health"],
    try: async ({ request }) => {
      const { viewer } = await request(SmokeSignIn, {});
      return `${viewer.name}, ${viewer.role.toLowerCase()}`;
    },
  },
  {
    name: "project",
    needs: ["sign-in"],
    try: async ({ request, projectId }) => {
      await request(SmokeProject, { input: { projectId, name: "Smoke test" } });
      return projectId;
    },
  },
  { name: "tasks", needs: ["project"], try: tasks },
  { name: "IDs", needs: ["project"], try: ids },
  { name: "WebSocket", needs: ["project"], try: (ground) => hearOverSocket(ground, () => add(ground, {})) },
  { name: "server-sent events", needs: ["project"], try: (ground) => hearOverEvents(ground, () => add(ground, {})) },
  { name: "reminder", needs: ["project"], try: reminder },
  { name: "recurrence", needs: ["project"], try: recurrence },
  { name: "history", needs: ["tasks"], try: history },
  { name: "MCP initialize", needs: ["sign-in"], try: initialize },
  { name: "MCP tools", needs: ["sign-in"], try: listTools },
];
