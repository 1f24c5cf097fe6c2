import { ServerError } from "../client/faults.ts";
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

/** Called when a renewal failed; `lost` when the server says that the attempt has ended. */
type RenewalFailed = (task: HeldTask, error: unknown, lost: boolean) => void;

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

/**
 * What one long-lived client holds. Leases are renewed every third of their length, by a monotonic timer and never by
 * comparing an expiry with this machine's clock. A lost attempt stays known, so that a late answer is fenced by it.
 */
export class LeaseSession {
  readonly #request: GraphQLRequest;
  readonly #renewalFailed: RenewalFailed;
  readonly #holdings = new Map<string, Holding>();
  /** What it completed or gave back: a call that names no project may be the repetition of that. */
  readonly #left = new Set<string>();

  constructor(request: GraphQLRequest, renewalFailed: RenewalFailed = () => undefined) {
    this.#request = request;
    this.#renewalFailed = renewalFailed;
  }

  /** Starts to renew the task's lease; a newer attempt at the same task takes the place of an older one. */
  hold(task: HeldTask): void {
    this.drop(task.projectId, task.taskId);
    const timer = setInterval(() => void this.#renew(task, timer), (task.leaseSeconds * 1000) / 3);
    // Renewing is no reason to live: the process ends with its client.
    timer.unref();
    this.#holdings.set(keyOf(task), { task, timer });
    this.#left.delete(keyOf(task));
  }

  /** The task has been completed or given back. */
  drop(projectId: string, taskId: string): void {
    const key = keyOf({ projectId, taskId });
    clearInterval(this.#holdings.get(key)?.timer);
    this.#holdings.delete(key);
    this.#left.add(key);
  }

  /**
   * The held task that a call means. Without a project it is the only one of that name, or the one of
   * `preferredProject`; undefined when this session holds none or it cannot tell, also because it has left one of that
   * name: then Docket decides, or asks which.
   */
  find(taskId: string, projectId: string | undefined, preferredProject: string | undefined): HeldTask | undefined {
    const held = [...this.#holdings.values()].map(({ task }) => task).filter((task) => task.taskId === taskId);
    if (projectId !== undefined) return held.find((task) => task.projectId === projectId);
    if ([...this.#left].some((key) => key.endsWith(`/${taskId}`))) return undefined;
    return held.length === 1 ? held[0] : held.find((task) => task.projectId === preferredProject);
  }

  /** Stops all renewals; the leases run out by themselves. */
  close(): void {
    for (const { timer } of this.#holdings.values()) clearInterval(timer);
    this.#holdings.clear();
    this.#left.clear();
  }

  async #renew(task: HeldTask, timer: NodeJS.Timeout): Promise<void> {
    const { projectId, taskId, attempt, leaseSeconds } = task;
    try {
      await this.#request(RenewHeldTask, { input: { projectId, taskId, attempt, leaseSeconds } });
    } catch (error) {
      // Completed, given back or taken anew while the renewal was under way: its failure means nothing.
      if (this.#holdings.get(keyOf(task))?.timer !== timer) return;
      // An unanswered renewal is tried again at the next third; an expired lease is still ours until someone claims.
      const lost = error instanceof ServerError && ENDED.has(error.code);
      if (lost) clearInterval(timer);
      // Whatever it was, it is reported: thrown in a timer it would end the process, and with it every other lease.
      this.#renewalFailed(task, error, lost);
    }
  }
}

/** Codes by which the server says that this attempt is over. */
const ENDED = new Set(["LEASE_LOST", "TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "INVALID_STATUS_TRANSITION"]);

function keyOf({ projectId, taskId }: Pick<HeldTask, "projectId" | "taskId">): string {
  return `${projectId}/${taskId}`;
}
