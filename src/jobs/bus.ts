import type { Db } from "../db/database.ts";
import { BUS_READER } from "../delivery/bus/subject.ts";
import { dueInMs, ensureReader, pump } from "../log/sinks/pump.ts";
import type { Job, JobContext, RunningJob } from "./job.ts";
import { Loop } from "./loop.ts";

/** How late it may be seen that the connection is lost while there is nothing to publish, in milliseconds. */
const INTERVAL_MS = 60_000;

/** Carries the log to the message bus, when there is one. The server runs without the bus too; it then catches up. */
export const bus = {
  description: "Publishes events to NATS, where DOCKET_NATS_URL names one",
  dueInMs: (db: Db) => dueInMs(db, BUS_READER),
  start: startBus,
} satisfies Job;

async function startBus({ config, database, log, logger, clock }: JobContext): Promise<RunningJob> {
  if (config.nats === null) return { loops: [], close: async () => undefined };
  const { NatsSink } = await import("../delivery/bus/sink.ts");
  const sink = new NatsSink(config.nats);
  await ensureReader(database, sink.reader);
  const work = {
    what: "Publishing to NATS",
    intervalMs: INTERVAL_MS,
    async dueInMs() {
      await sink.connect();
      return dueInMs(database, BUS_READER);
    },
    step: () => pump(database, clock, logger, sink),
  };
  const loop = new Loop(work, clock, logger);
  const stop = log.onEvents(() => loop.poke());
  return {
    loops: [loop],
    async close() {
      stop();
      await loop.close();
      await sink.close();
    },
  };
}
