import { SERVER } from "../access/viewer.ts";
import type { Db } from "../db/database.ts";
import type { LoggedEvent } from "../log/read/event.ts";
import { expireLeases, leasesDueInMs } from "../tasks/expire-leases.ts";
import { tellStalled } from "../tasks/stalled.ts";
import { wakesDueInMs, wakeTasks } from "../tasks/wake.ts";
import { endWhenOver } from "./end-when-over.ts";
import type { Job, JobContext } from "./job.ts";

/** Ends what was held, or waited, too long. It loses nothing while it is off: a claim of the task does the same. */
export const leases = {
  description:
    "Gives back the tasks whose lease has ended: task.lease_expired; tells of those whose attempt stalls, and of those whose time has come",
  dueInMs: async (db: Db) => {
    const due = [await leasesDueInMs(db), await wakesDueInMs(db)].filter((ms) => ms !== null);
    return due.length === 0 ? null : Math.min(...due);
  },
  start: async ({ database: db, ...context }: Omit<JobContext, "config">) => {
    const asServer = { db, viewer: SERVER, correlationId: "leases" };
    const running = [
      endWhenOver(context, {
        what: "Ending leases, and telling of what stalls",
        endOf: endsAt,
        dueInMs: () => leasesDueInMs(db),
        step: async () => (await expireLeases(asServer)) || (await tellStalled(asServer)),
      }),
      endWhenOver(context, {
        what: "Telling of tasks whose time has come",
        endOf: readyAt,
        dueInMs: () => wakesDueInMs(db),
        step: () => wakeTasks(asServer),
      }),
    ];
    return {
      loops: running.flatMap(({ loops }) => loops),
      close: async () => void (await Promise.all(running.map((job) => job.close()))),
    };
  },
} satisfies Job;

/** When the lease ends that the event begins, and at once where another time of the project's may let an attempt stall. */
function endsAt({ type, payload, occurredAt }: LoggedEvent): unknown {
  if (type === "task.claimed") return payload["leaseExpiresAt"];
  const { changes } = payload as { changes?: { stalledAfterSeconds?: unknown } };
  return type === "project.configured" && changes?.stalledAfterSeconds !== undefined && occurredAt.toISOString();
}

/** Until when the event lets its task wait. */
function readyAt({ payload }: LoggedEvent): unknown {
  const { changes } = payload as { changes?: { readyAt?: { new: unknown } } };
  return changes?.readyAt?.new;
}
