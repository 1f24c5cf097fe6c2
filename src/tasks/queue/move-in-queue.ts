import type { Context } from "../../access/viewer.ts";
import type { Db } from "../../db/database.ts";
import { badInput, rateLimited, taskNotFound } from "../../errors.ts";
import { append } from "../../log/write/append.ts";
import type { Changes } from "../../log/write/changes.ts";
import { subject } from "../change.ts";
import type { TaskAddress } from "../locate.ts";
import type { TaskKey } from "../task.ts";
import { taskVerb } from "../task-verb.ts";
import { makeRoom, NoRoom } from "./make-room.ts";
import {
  type Asked,
  FIND_PLACE,
  type FoundPlace,
  LOCK_PLACES,
  type Side,
  type Standing,
  standing,
  writePlaces,
} from "./places.ts";

export interface MoveInQueue extends TaskAddress {
  /** The task of its project and priority that it is to be claimed just before. */
  readonly before?: string | null | undefined;
  /** The one that it is to be claimed just after. */
  readonly after?: string | null | undefined;
  /** true: before all others of its priority. */
  readonly first?: boolean | null | undefined;
  readonly expectedVersion?: number | null | undefined;
}

/** One does, unless others take the room that was made at once. */
const MOST_TRIES = 20;

const move = taskVerb(
  {
    name: "moveInQueue",
    role: "agent",
    effect: "changes",
    idempotent: true,
    held: "fence",
    first: LOCK_PLACES.shared,
    limits: (input: MoveInQueue) => void placeOf(input),
    transition: ({ status, taskId }) => {
      if (status === "completed") throw badInput(`${taskId} is completed: only open tasks have a place in the queue.`);
    },
  },
  async (ctx, input: MoveInQueue, task): Promise<TaskKey> => {
    const { projectId, taskId } = task;
    const { way, other } = placeOf(input);
    const [own] = await standing(ctx.db, { projectId, taskId });
    if (!own) throw new Error(`Task ${taskId} of ${projectId} vanished under its lock`);
    const { priority } = own;
    const asked: Asked = [projectId, priority, await placeBeside(ctx, task, own, other), own.at];
    const [found] = await ctx.db.read<FoundPlace>(FIND_PLACE[way], asked);
    if (found?.there) return { projectId, taskId };
    if (found?.place == null) throw new NoRoom({ projectId, priority, way, other, own: own.at });
    const changes = await moveTo(ctx.db, task, found.place);
    await append(ctx, { type: "task.updated", ...subject(task), payload: { changes, [way]: other ?? true } });
    return { projectId, taskId };
  },
);

/**
 * Gives an open task another place among those of its project and priority; a held one has it from when it is given back. One
 * that stands there already stays as it is.
 * @throws TASK_NOT_FOUND also for the other task, AMBIGUOUS_TASK_ID, LEASE_LOST (with `attempt`), VERSION_CONFLICT, FORBIDDEN;
 *   BAD_USER_INPUT for what is completed, and for another priority;
 *   RATE_LIMITED where others take whatever room is made there.
 */
export const moveInQueue: typeof move = Object.assign(
  async (...[ctx, input]: Parameters<typeof move>) => {
    for (let tries = 1; ; tries++)
      try {
        return await move(ctx, input);
      } catch (error) {
        if (!(error instanceof NoRoom)) throw error;
        if (tries === MOST_TRIES) throw crowded(input.taskId);
        await makeRoom(ctx.db, error.beside);
      }
  },
  { declared: move.declared },
);

const crowded = (taskId: string) =>
  rateLimited(
    `Too many tasks are moved to that place of the queue at this moment: ${taskId} was not moved. Move it again in a second, or to another place.`,
    { retryable: true, retryAfterMs: 1_000 },
  );

/** @throws BAD_USER_INPUT unless the input says exactly one place. */
function placeOf({ taskId, first, ...beside }: MoveInQueue): { readonly way: Side; readonly other: string | null } {
  const [way, ...more] = (["before", "after", "first"] as const).filter((one) =>
    one === "first" ? first === true : beside[one] != null,
  );
  if (way === undefined || more.length > 0)
    throw badInput("Say where to move it: exactly one of before, after, and first: true.");
  const other = way === "first" ? null : (beside[way]?.toUpperCase() ?? null);
  if (other === taskId.toUpperCase()) throw badInput(`${other} cannot be moved ${way} itself.`);
  return { way, other };
}

/** The place of the other task, null without one. @throws TASK_NOT_FOUND, BAD_USER_INPUT */
async function placeBeside(ctx: Context, { projectId, taskId }: TaskKey, own: Standing, other: string | null) {
  if (other === null) return null;
  const [found] = await standing(ctx.db, { projectId, taskId: other });
  if (!found) throw taskNotFound(other, projectId);
  if (found.completed || found.archived)
    throw badInput(
      `${other} is ${found.archived ? "archived" : "completed"}: only open tasks have a place in the queue.`,
    );
  if (found.priority !== own.priority)
    throw badInput(
      `${other} has priority ${found.priority}, and ${taskId} has ${own.priority}: the queue is in the order of priorities. Give ${taskId} priority ${found.priority} first, with updateTask.`,
    );
  return found.at;
}

const MOVE = {
  name: "task-move-in-queue",
  text: `WITH before AS (SELECT queue_position AS place FROM tasks WHERE project_id = $1 AND task_id = $2)
UPDATE tasks t SET queue_position = $3::bigint, version = t.version + 1, updated_at = docket_now() FROM before
WHERE t.project_id = $1 AND t.task_id = $2
RETURNING jsonb_build_object('queuePosition', jsonb_build_object('old', before.place, 'new', t.queue_position)) AS changes`,
};

async function moveTo(db: Db, { projectId, taskId }: TaskKey, place: string): Promise<Changes> {
  const [moved] = await writePlaces<{ changes: Changes }>(db, MOVE, [projectId, taskId, place]);
  return moved?.changes ?? {};
}
