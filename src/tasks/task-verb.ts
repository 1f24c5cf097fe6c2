import type { KeyedRequest } from "../access/idempotency.ts";
import { type Judgement, type Transaction, type Verb, verb } from "../access/verb.ts";
import type { Context } from "../access/viewer.ts";
import { canSee } from "../access/visibility.ts";
import { badInput } from "../errors.ts";
import { refuseWorkOnTemplate } from "./dependencies/template.ts";
import {
  type Authority,
  isHeldBy,
  type JudgedTask,
  type LockedAttempt,
  type LockedTask,
  notHeld,
  opened,
  requireFence,
  requireVersion,
} from "./hold.ts";
import { type AttemptInput, requireAttemptInput } from "./lease.ts";
import { locateTask, refuseMissing, type TaskAddress } from "./locate.ts";
import { lockSettling } from "./lock-settling.ts";
import type { TaskKey, TaskStatus } from "./task.ts";
import { countLate } from "./usage/late.ts";

/** What every call that writes a task may say; each verb knows some of it. */
type TaskInput = TaskAddress & AttemptInput & { readonly expectedVersion?: number | null | undefined };

/** How a call that writes a task is judged. */
interface Conduct<Input, Result>
  extends Omit<Judgement<Input, JudgedTask>, "scope" | "on">,
    Transaction<Input, Result> {
  /**
   * Who may write. `holder`: the caller that holds the task, an admin in its place, and anybody while nobody holds it.
   * `fence`: anybody. An attempt that is given has to be the open one for both.
   */
  readonly held: "holder" | "fence";
  /** Whether the template of a recurring task may be meant, too, which is no work. */
  readonly templates?: boolean;
  /** Refuses what does not go together, before the task is looked for. */
  readonly limits?: (input: Input) => void;
  /** Whether the call may settle the task, or open it again: then what waits for it is locked with it. */
  readonly settles?: (input: Input) => boolean;
  /** The status to which the call brings the task. */
  readonly to?: (input: Input) => TaskStatus;
  /**
   * Judges a call for the status that the task has already, in place of fence, transition and holder: whether it was
   * the caller that brought it there. A call for which it was not, and which is not refused, goes on as a first one.
   */
  readonly again?: (ctx: Context, task: LockedTask, input: Input) => Promise<boolean>;
  /**
   * Does what most calls are by one statement for this call and others that come at the same time, where it is plain that the
   * judgement would let it pass. Null where it is not: then nothing was done, and the call is judged.
   */
  readonly together?: (ctx: Context, task: TaskKey, input: Input, kept: KeyedRequest | null) => Promise<Result | null>;
  /** Throws where the task is in no state to be changed so. */
  readonly transition?: (task: LockedTask, input: Input) => void;
}

/**
 * A verb that writes one task: it is found and locked, and the call is judged in the one order of all: role, idempotency,
 * visibility, fence, transition, holder, version. Policy is what `work` judges. Nothing else locks a task for a caller.
 * The verb throws what `verb` does, TASK_NOT_FOUND, AMBIGUOUS_TASK_ID, BAD_USER_INPUT for too much of anything,
 * LEASE_LOST naming the holder, VERSION_CONFLICT, and what its own parts throw. What a call that is refused has used counts
 * where its attempt has ended.
 * @param kept as for `verb`.
 */
export function taskVerb<Input extends TaskInput, Result extends object>(
  { held, templates, limits, settles, to, again, transition, together, ...judgement }: Conduct<Input, Result>,
  work: (ctx: Context, input: Input, task: JudgedTask) => Promise<Result>,
  kept?: (result: Result) => Result | null,
): Verb<Input, Result> {
  const on = async (ctx: Context, input: Input): Promise<JudgedTask> => {
    limits?.(input);
    requireAttemptInput(input);
    const wanted = to?.(input);
    const key = await locateTask(ctx, input, "write", wanted);
    if (settles?.(input)) await lockSettling(ctx.db, key);
    const task = await lockTask(ctx, key);
    // Whether it may be claimed is a question of being ready.
    if (task.isTemplate && !templates && wanted !== "in_progress") throw refuseWorkOnTemplate(task.taskId);
    let authority: Authority = {};
    if (again && task.status === wanted) {
      if (await again(ctx, task, input)) {
        await showLife(ctx, task, input);
        return { ...task, already: true, authority };
      }
    } else {
      requireFence(task, input.attempt);
      transition?.(task, input);
      if (held === "holder") authority = requireHolder(ctx, task, input.attempt);
    }
    if (task.archivedAt)
      throw badInput(
        `${task.taskId} was archived at ${task.archivedAt.toISOString()}. Restore it first, with restoreTask.`,
      );
    requireVersion(task, input.expectedVersion);
    // What only a holder may do renews or ends the attempt.
    if (held === "fence") await showLife(ctx, task, input);
    return { ...task, already: false, authority };
  };
  const shortcut = async (ctx: Context, input: Input, request: KeyedRequest | null): Promise<Result | null> => {
    const { projectId, taskId, expectedVersion } = input;
    if (projectId == null || !canSee(ctx.viewer, projectId) || expectedVersion != null) return null;
    limits?.(input);
    requireAttemptInput(input);
    return together?.(ctx, { projectId, taskId: taskId.toUpperCase() }, input, request) ?? null;
  };
  const judged = verb({ ...judgement, ...(together && { shortcut }), scope: "project", on }, work, kept);
  const run = async (...[ctx, input]: Parameters<typeof judged>) => {
    try {
      return await judged(ctx, input);
    } catch (error) {
      throw await countLate(ctx, input, error);
    }
  };
  return Object.assign(run, { declared: judged.declared });
}

const LOCK = {
  name: "task-lock",
  text: `SELECT status, version, lease_expires_at, archived_at, is_template FROM tasks
WHERE project_id = $1 AND task_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
};
const LAST_ATTEMPT = {
  name: "task-last-attempt",
  text: `SELECT attempt, secret, worker, actor, client, claimed_at, lease_expires_at, ended_at, outcome, ended_by FROM task_attempts
WHERE project_id = $1 AND task_id = $2 ORDER BY attempt DESC LIMIT 1`,
};

/**
 * Locks the task's row for the rest of the transaction. The attempt is read by a statement of its own: one that had
 * waited for the lock would show the attempt as it was before.
 */
async function lockTask(ctx: Context, key: TaskKey): Promise<LockedTask> {
  const at = [key.projectId, key.taskId];
  const [task] = await ctx.db.write<{
    status: TaskStatus;
    version: number;
    lease_expires_at: Date | null;
    archived_at: Date | null;
    is_template: boolean;
  }>(LOCK, at);
  if (!task) return refuseMissing(ctx, key);
  const [last = null] = await ctx.db.read<LockedAttempt>(LAST_ATTEMPT, at);
  return {
    ...key,
    status: task.status,
    version: task.version,
    leaseExpiresAt: task.lease_expires_at,
    archivedAt: task.archived_at,
    isTemplate: task.is_template,
    last,
    open: last?.ended_at === null ? last : null,
  };
}

const SHOW_LIFE = {
  name: "attempt-show-life",
  text: "UPDATE task_attempts SET last_active_at = docket_now() WHERE project_id = $1 AND task_id = $2 AND ended_at IS NULL",
};

/** A call of the task's holder shows that it is at work. */
async function showLife(ctx: Context, { projectId, taskId, open }: LockedTask, { attempt }: TaskInput): Promise<void> {
  if (open && isHeldBy(ctx, open, attempt)) await ctx.db.write(SHOW_LIFE, [projectId, taskId]);
}

/**
 * The holder's check: the fence was given, or the caller opened the open attempt, or is an admin, or nobody holds it.
 * @throws LEASE_LOST naming the holder.
 */
function requireHolder(ctx: Context, task: LockedTask, given: string | null | undefined): Authority {
  if (given != null || task.open === null || opened(ctx, task.open)) return {};
  if (ctx.viewer.role === "admin") return { override: true };
  throw notHeld(ctx, task);
}
