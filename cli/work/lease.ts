import { ServerError } from "../../client/faults.ts";
import { graphql } from "../../client/gen/gql.ts";
import type { UsageInput } from "../../client/gen/graphql.ts";
import type { Connected } from "../shell/connect.ts";

const RenewWork = graphql(`
  mutation RenewWork($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      leaseExpiresAt
    }
  }
`);

const HowAttemptStands = graphql(`
  query HowAttemptStands($projectId: ID!, $taskId: ID!, $before: Int!) {
    task(projectId: $projectId, taskId: $taskId) {
      attempts(first: 2, after: $before) {
        number
        worker
        outcome
        endedAt
      }
    }
  }
`);

const CompleteWork = graphql(`
  mutation CompleteWork($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      task {
        status
      }
    }
  }
`);

const GiveWorkBack = graphql(`
  mutation GiveWorkBack($input: ReleaseTaskInput!) {
    releaseTask(input: $input) {
      task {
        status
        parkedAt
        parkedReason
      }
    }
  }
`);

/** A task that this worker took. */
export interface TakenTask {
  readonly projectId: string;
  readonly taskId: string;
  readonly attempt: string;
  readonly leaseSeconds: number;
}

/** How a worker's hold on its task stands: its own, ended by whoever has the attempt, or lost to others. */
type Hold = { readonly state: "held" | "settled" } | { readonly state: "lost"; readonly to: string };

/** Asks the server how the attempt ended, if it did. */
export async function howItStands({ request }: Connected, { projectId, taskId, attempt }: TakenTask): Promise<Hold> {
  const number = Number.parseInt(attempt, 10);
  const { task } = await request(HowAttemptStands, { projectId, taskId, before: number - 1 });
  const [own, next] = task.attempts;
  if (own?.number !== number || own.endedAt === null) return { state: "held" };
  // Whoever is at it now, the command must not go on.
  if (next === undefined && ["COMPLETED", "RELEASED", "FAILED"].includes(own.outcome ?? ""))
    return { state: "settled" };
  return { state: "lost", to: next?.worker ?? (own.outcome ?? "others").toLowerCase() };
}

interface Renewal {
  /** Told to the server, so that a command that hangs shows as stalled. */
  readonly silentSeconds: () => number;
  readonly lost: (to: string) => void;
  readonly failed: (error: unknown) => void;
}

/** Renews the lease every third of its length, by a timer and never by this machine's clock, until it is told to stop. */
export function keepLease(connected: Connected, task: TakenTask, { silentSeconds, lost, failed }: Renewal): () => void {
  const { projectId, taskId, attempt, leaseSeconds } = task;
  let stopped = false;
  const renew = async () => {
    const input = { projectId, taskId, attempt, leaseSeconds, idleSeconds: silentSeconds() };
    try {
      await connected.request(RenewWork, { input });
    } catch (error) {
      if (stopped) return;
      // An expired lease is still ours until someone claims; without an answer the next third tries again.
      if (!(error instanceof ServerError)) return failed(error);
      const hold = await howItStands(connected, task).catch(() => undefined);
      if (hold === undefined || hold.state === "held") return failed(error);
      stop();
      // A command that has settled its task itself may still be tidying up.
      if (hold.state === "lost") lost(hold.to);
    }
  };
  const timer = setInterval(() => void renew(), (leaseSeconds * 1000) / 3);
  const stop = () => {
    stopped = true;
    clearInterval(timer);
  };
  return stop;
}

interface Settlement {
  readonly notes: string;
  readonly usage?: UsageInput | undefined;
}

export async function complete({ change }: Connected, task: TakenTask, { notes, usage }: Settlement): Promise<void> {
  const { projectId, taskId, attempt } = task;
  await change(CompleteWork, { projectId, taskId, attempt, status: "COMPLETED", completionNotes: notes, usage });
}

/**
 * @param how `failed` counts as a failure, `released` does not judge, `stopped` says that the worker itself ended
 */
export async function giveBack(
  { change }: Connected,
  { projectId, taskId, attempt }: TakenTask,
  how: "failed" | "released" | "stopped",
  { notes, usage }: Settlement,
): Promise<string | undefined> {
  const { releaseTask } = await change(GiveWorkBack, {
    ...{ projectId, taskId, attempt, notes, usage },
    outcome: how === "failed" ? "FAILED" : "RELEASED",
    sessionEnded: how === "stopped" ? true : undefined,
  });
  return releaseTask.task.parkedAt === null ? undefined : (releaseTask.task.parkedReason ?? "");
}
