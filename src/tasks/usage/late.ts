import { hash } from "node:crypto";
import { nothing, verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { visibleProjects } from "../../access/visibility.ts";
import { DocketError, type ErrorCode, idempotencyKeyReused } from "../../errors.ts";
import { numberOf, proves } from "../capability.ts";
import type { TaskAddress } from "../locate.ts";
import type { TaskKey } from "../task.ts";
import { addUsage, type UsageGiven, type Worked } from "./add.ts";

interface Call extends TaskAddress {
  readonly usage?: UsageGiven | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

interface Used extends TaskKey {
  /** The attempt, which has ended. */
  readonly open: Worked;
  readonly usage: UsageGiven;
}

/** How a call is refused whose attempt has ended: there is none after it that could say what was used. */
const OF_ENDED: readonly ErrorCode[] = ["LEASE_LOST", "TASK_NOT_FOUND", "INVALID_STATUS_TRANSITION"];
const REUSED: ErrorCode = "IDEMPOTENCY_KEY_REUSED";

const count = verb(
  { name: "usage", role: "agent", effect: "adds", scope: "project", idempotent: false, on: nothing },
  async (ctx, { usage, ...ended }: Used) => {
    await addUsage(ctx, ended, usage);
    return {};
  },
);

/**
 * What is thrown where a call that says what was used is refused. Where that is because its attempt has ended, the usage
 * counts for the attempt all the same, as it was spent: once for each idempotency key. Without a key a call that is sent
 * again could not be told from another one, so that the refusal asks for a key.
 */
export async function countLate(ctx: Context, call: Call, refusal: unknown): Promise<unknown> {
  const { usage, idempotencyKey } = call;
  if (usage == null || !(refusal instanceof DocketError) || !OF_ENDED.includes(refusal.code)) return refusal;
  const ended = await endedAttempt(ctx, call);
  if (!ended) return refusal;
  const { message, details } = refusal;
  const told = (what: string, usageCounted: boolean) =>
    new DocketError(refusal.code, `${message} ${what}`, { ...details, usageCounted });
  if (idempotencyKey == null)
    return told("Its usage is not counted: send the call again with an idempotencyKey, and it is, once.", false);
  try {
    // A key of its own, as the call itself has left nothing under its key.
    await count(ctx, { ...ended, usage, idempotencyKey: `usage-${hash("sha256", idempotencyKey)}` });
  } catch (error) {
    return error instanceof DocketError && error.code === REUSED ? idempotencyKeyReused(idempotencyKey) : error;
  }
  return told(`Only its usage counts, for attempt ${ended.open.attempt}.`, true);
}

interface Found extends TaskKey {
  readonly attempt: number;
  readonly worker: string | null;
  readonly secret: string;
  readonly ended: boolean;
}

/** Of each visible project the attempt that the call may mean: that of the number given, or the last of this key and client. */
const FIND = {
  name: "attempts-meant",
  text: `SELECT p.project_id AS "projectId", a.task_id AS "taskId", a.attempt, a.worker, a.secret, a.ended
FROM projects p CROSS JOIN LATERAL (
  SELECT a.task_id, a.attempt, a.worker, a.secret, a.ended_at IS NOT NULL AS ended FROM task_attempts a
  WHERE a.project_id = p.project_id AND a.task_id = $1 AND (a.attempt = $3 OR ($3 IS NULL AND a.actor = $4 AND a.client = $5))
  ORDER BY a.attempt DESC LIMIT 1) a
WHERE ($2::text[] IS NULL OR p.project_id = ANY ($2))`,
};

/** The attempt of the call, where exactly one can be meant and it has ended. */
async function endedAttempt({ db, viewer }: Context, { projectId, taskId, attempt }: Call) {
  const found = await db.read<Found>(FIND, [
    taskId.toUpperCase(),
    projectId == null ? visibleProjects(viewer) : [projectId],
    attempt == null ? null : numberOf(attempt),
    viewer.actor,
    viewer.client,
  ]);
  const [meant, another] = found.filter((one) => attempt == null || proves(attempt, one));
  if (!meant?.ended || another) return null;
  const { attempt: number, worker, ...key } = meant;
  return { projectId: key.projectId, taskId: key.taskId, open: { attempt: number, worker } };
}
