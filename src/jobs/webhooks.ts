import { SERVER } from "../access/viewer.ts";
import { pruneDeliveries } from "../delivery/webhooks/prune.ts";
import { deliveriesDueInMs, queueOf, webhooksBehind } from "../delivery/webhooks/queue.ts";
import { Sender } from "../delivery/webhooks/sender.ts";
import { pump } from "../log/sinks/pump.ts";
import type { Job, JobContext, RunningJob } from "./job.ts";
import { Loop } from "./loop.ts";

/** Webhooks whose queues are filled at once. */
const QUEUES_AT_ONCE = 4;

/**
 * Queues what webhooks want and sends it. Nothing waits for an interval but retries: an event pokes the queueing, a queue
 * the sending, and a request that ended the next one.
 */
export const webhooks = {
  description: "Queues events for webhooks, and sends them",
  dueInMs: deliveriesDueInMs,
  start: startWebhooks,
} satisfies Job;

async function startWebhooks({ database, log, logger, clock, config }: JobContext): Promise<RunningJob> {
  const sender = new Sender({
    database,
    clock,
    logger,
    privateNetworks: config.webhooks.privateNetworks,
    viewer: SERVER,
    onEnd() {
      sending.poke();
      // A queue that was full has room again.
      queueing.poke();
    },
  });

  const sending = new Loop(
    {
      what: "Sending to webhooks",
      intervalMs: 1_000,
      async step() {
        await sender.sendDue();
        return false;
      },
    },
    clock,
    logger,
  );

  const queueing = new Loop(
    {
      what: "Queueing events for webhooks",
      intervalMs: 10_000,
      async step() {
        const behind = (await webhooksBehind(database)).values();
        let isMore = false;
        const fill = async () => {
          for (const webhook of behind) {
            if (await pump(database, clock, logger, queueOf(webhook))) isMore = true;
            sending.poke();
          }
        };
        const filled = await Promise.allSettled(Array.from({ length: QUEUES_AT_ONCE }, fill));
        for (const result of filled) if (result.status === "rejected") throw result.reason;
        return isMore;
      },
    },
    clock,
    logger,
  );

  const pruning = new Loop(
    { what: "Pruning webhook deliveries", intervalMs: 600_000, step: () => pruneDeliveries(database) },
    clock,
    logger,
  );

  const stopListening = log.onEvents(() => queueing.poke());
  return {
    loops: [queueing, sending, pruning],
    async close() {
      stopListening();
      await Promise.all([queueing.close(), pruning.close(), sending.close()]);
      await sender.close();
    },
  };
}
