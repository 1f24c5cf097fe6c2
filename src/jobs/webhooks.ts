import { SERVER } from "../access/viewer.ts";
import { pruneDeliveries } from "../delivery/webhooks/prune.ts";
import { deliveriesDueInMs, queueOf, webhooksBehind } from "../delivery/webhooks/queue.ts";
import { Sender } from "../delivery/webhooks/sender.ts";
import { pump } from "../log/sinks/pump.ts";
import type { Job, JobContext, RunningJob } from "./job.ts";
import { Loop } from "./loop.ts";

/** Webhooks whose queues are filled at once. */
const QUEUES_AT_ONCE = 4;

/** How late it may be seen what nobody told of, in milliseconds. */
const INTERVAL_MS = 60_000;

/**
 * Queues what webhooks want and sends it. Nothing waits for an interval: an event pokes the queueing, a queue the
 * sending, a request that ended the next one, and a timer tells of the next retry, whoever's it is.
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
      intervalMs: INTERVAL_MS,
      step: async () => (await sender.sendDue()) ?? false,
    },
    clock,
    logger,
  );

  let behind: Awaited<ReturnType<typeof webhooksBehind>> = [];
  const queueing = new Loop(
    {
      what: "Queueing events for webhooks",
      intervalMs: INTERVAL_MS,
      async dueInMs() {
        behind = await webhooksBehind(database);
        return behind.length > 0 ? 0 : null;
      },
      async step() {
        const next = behind.values();
        let isMore = false;
        const fill = async () => {
          for (const webhook of next) {
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

  const stops = [
    log.onEvents((events) => {
      queueing.poke();
      // A webhook that was resumed, or is to repeat deliveries, has something to send, new or not.
      if (events.some(({ subjectType }) => subjectType === "webhook")) sending.poke();
    }),
    log.onDue(() => {
      queueing.poke();
      sending.poke();
    }),
  ];
  return {
    loops: [queueing, sending, pruning],
    counts: () => sender.attempts,
    async close() {
      for (const stop of stops) stop();
      await Promise.all([queueing.close(), pruning.close(), sending.close()]);
      await sender.close();
    },
  };
}
