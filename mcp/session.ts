import { randomUUID } from "node:crypto";
import { type FaultCode, ServerError } from "../client/faults.ts";
import { graphql } from "../client/gen/gql.ts";
import type { GraphQLRequest } from "../client/request.ts";

/** One task that this session took. */
interface HeldTask {
  readonly projectId: string;
  readonly taskId: string;
  /** The fence: the server refuses a write of an attempt that has ended. */
  readonly attempt: string;
  /** How long the lease runs, in seconds, counted anew by each renewal. */
  readonly leaseSeconds: number;
}

/** Called when a renewal, or giving back at the end, failed; `lost` when the server says that the attempt has ended. */
type RenewalFailed = (task: HeldTask, error: unknown, lost: boolean) => void;

interface SessionSettings {
  /** Milliseconds without a call of the client after which nothing is renewed, until it calls again. */
  readonly idleMs: number;
  readonly renewalFailed?: RenewalFailed;
}

interface Holding {
  readonly task: HeldTask;
  readonly timer: NodeJS.Timeout;
}

const RenewHeldTask = graphql(`
  mutation RenewHeldTask($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      attempt
    }
  }
`);

const ReleaseHeldTask = graphql(`
  mutation ReleaseHeldTask($input: ReleaseTaskInput!) {
    releaseTask(input: $input) {
      replayed
    }
  }
`);

/** What the next worker reads of an attempt that ended with its session. */
const SESSION_ENDED = "session ended";
/** Tasks that are remembered as left; the oldest are forgotten. */
const MOST_LEFT = 1_000;
/** Clients kill what does not end within a few seconds. */
const MOST_WAIT_MS = 1_000;

/**
 * What one long-lived client holds: as long as it lives and calls now and then, and not longer. Leases are renewed every
 * third of their length, by a monotonic timer and never by comparing an expiry with this machine's clock. A lost attempt
 * stays known, so that a late answer is fenced by it.
 */
export class LeaseSession {
  /** The lease to claim with, in seconds: renewed by itself, it is short so that a session that died blocks nobody. */
  readonly leaseSeconds = 600;
  readonly #request: GraphQLRequest;
  readonly #idleMs: number;
  readonly #renewalFailed: RenewalFailed;
  readonly #calls = new Set<Promise<unknown>>();
  #lastCall = performance.now();
  #closing: Promise<void> | undefined;
  readonly #holdings = new Map<string, Holding>();
  /** What it completed or gave back: a call that names no project may be the repetition of that. */
  readonly #left = new Set<string>();

  constructor(request: GraphQLRequest, { idleMs, renewalFailed = () => undefined }: SessionSettings) {
    this.#request = request;
    this.#idleMs = idleMs;
    this.#renewalFailed = renewalFailed;
  }

  /** Tells that the client made a call, which shows that somebody is there. */
  async during<Result>(call: Promise<Result>): Promise<Result> {
    this.#lastCall = performance.now();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
      this.#lastCall = performance.now();
    }
  }

  /**
   * Starts to renew the lease of a task that this session took, anew when it is known; a newer attempt at the same task
   * takes the place of an older one.
   */
  hold(task: HeldTask): void {
    this.#stopRenewing(task);
    // Taken by a call that outlived its client.
    if (this.#closing) return void this.#release(task);
    const timer = setInterval(() => void this.#renew(task, timer), (task.leaseSeconds * 1000) / 3);
    // The timer does not keep the process alive: it ends with its client.
    timer.unref();
    this.#holdings.set(keyOf(task), { task, timer });
    this.#left.delete(keyOf(task));
  }

  /** The task has been completed or given back. */
  drop(projectId: string, taskId: string): void {
    this.#stopRenewing({ projectId, taskId });
    const left = keyOf({ projectId, taskId });
    this.#left.delete(left);
    this.#left.add(left);
    for (const oldest of this.#left) if (this.#left.size > MOST_LEFT) this.#left.delete(oldest);
  }

  #stopRenewing(task: Pick<HeldTask, "projectId" | "taskId">): void {
    clearInterval(this.#holdings.get(keyOf(task))?.timer);
    this.#holdings.delete(keyOf(task));
  }

  /**
   * The held task that a call means. Without a project it is the only one of that name, or the one of
   * `preferredProject`; undefined when this session holds none or it cannot tell, also because it has left one of that
   * name: then Docket decides, or asks which.
   */
  find(named: string, projectId: string | undefined, preferredProject: string | undefined): HeldTask | undefined {
    const taskId = named.toUpperCase();
    const held = [...this.#holdings.values()].map(({ task }) => task).filter((task) => task.taskId === taskId);
    if (projectId !== undefined) return held.find((task) => task.projectId === projectId);
    if ([...this.#left].some((key) => key.endsWith(`/${taskId}`))) return undefined;
    return held.length === 1 ? held[0] : held.find((task) => task.projectId === preferredProject);
  }

  /** Gives back what is held, a moment later if calls are under way, as one of them may be completing it. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const { promise: waited, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, MOST_WAIT_MS);
    await Promise.race([Promise.allSettled(this.#calls), waited]);
    clearTimeout(timer);
    const held = [...this.#holdings.values()];
    for (const { task } of held) this.drop(task.projectId, task.taskId);
    await Promise.all(held.map(({ task }) => this.#release(task)));
  }

  async #release(task: HeldTask): Promise<void> {
    const { projectId, taskId, attempt } = task;
    try {
      const input = {
        projectId,
        taskId,
        attempt,
        notes: SESSION_ENDED,
        sessionEnded: true,
        idempotencyKey: randomUUID(),
      };
      await this.#request(ReleaseHeldTask, { input });
    } catch (error) {
      this.#renewalFailed(task, error, isOver(error));
    }
  }

  async #renew(task: HeldTask, timer: NodeJS.Timeout): Promise<void> {
    const { projectId, taskId, attempt, leaseSeconds } = task;
    const idleMs = this.#calls.size === 0 ? performance.now() - this.#lastCall : 0;
    if (idleMs > this.#idleMs) return;
    const idleSeconds = Math.floor(idleMs / 1000);
    try {
      await this.#request(RenewHeldTask, { input: { projectId, taskId, attempt, leaseSeconds, idleSeconds } });
    } catch (error) {
      // The task was completed, given back or taken anew while the renewal was under way, so its failure means nothing.
      if (this.#holdings.get(keyOf(task))?.timer !== timer) return;
      // An unanswered renewal is tried again at the next third; an expired lease is still ours until someone claims.
      const lost = isOver(error);
      if (lost) clearInterval(timer);
      // Every error is reported: thrown in a timer it would end the process, and with it every other lease.
      this.#renewalFailed(task, error, lost);
    }
  }
}

/** Codes by which the server says that this attempt is over. */
const ENDED: readonly FaultCode[] = ["LEASE_LOST", "TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "INVALID_STATUS_TRANSITION"];

const isOver = (error: unknown) => error instanceof ServerError && error.is(...ENDED);

function keyOf({ projectId, taskId }: Pick<HeldTask, "projectId" | "taskId">): string {
  return `${projectId}/${taskId}`;
}
