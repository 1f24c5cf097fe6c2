import { ensureReader, pump } from "../log/sinks/pump.ts";
import type { JobContext, RunningJob } from "./jobs.ts";
import { Loop } from "./loop.ts";

/** How soon another process goes on after the one that published died, in milliseconds. */
const INTERVAL_MS = 1_000;

/** Carries the log to the message bus, when there is one. The server runs without the bus too; it then catches up. */
export async function startBus({ config, database, log, logger, clock }: JobContext): Promise<RunningJob> {
  if (config.nats === null) return { close: async () => undefined };
  const { NatsSink } = await import("../delivery/bus/sink.ts");
  const sink = new NatsSink(config.nats);
  await ensureReader(database, sink.reader);
  const job = {
    what: "Publishing to NATS",
    intervalMs: INTERVAL_MS,
    async step() {
      await sink.connect();
      return pump(database, clock, logger, sink);
    },
  };
  const loop = new Loop(job, clock, logger);
  const stop = log.onEvents(() => loop.poke());
  return {
    async close() {
      stop();
      await loop.close();
      await sink.close();
    },
  };
}
