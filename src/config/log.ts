import { z } from "zod";
import { setting, wholeNumber } from "./setting.ts";

/** The log of events: how fast it takes them in, who may follow it, and how long it keeps them. */
export const log = z
  .object({
    DOCKET_DRAIN_INTERVAL_MS: setting(wholeNumber(10, 60_000).default(250), {
      meaning: "how often, in milliseconds, events that another process left are moved into the log",
      shown: true,
    }),
    DOCKET_STREAMS_PER_CLIENT: setting(wholeNumber(0, 100_000).default(3), {
      meaning: "streams that one key and client id may have open on one server; 0 switches live delivery off",
      shown: true,
    }),
    DOCKET_LOG_MONTHS: setting(wholeNumber(1, 1200).default(24), {
      meaning: "how long, in months, events stay in the log ([Audit](docs/audit.md))",
      shown: true,
    }),
  })
  .transform((env) => ({
    /** Milliseconds between two drains of what other processes left in the inbox. */
    drainIntervalMs: env.DOCKET_DRAIN_INTERVAL_MS,
    /** Streams that one key and client id may have open on this process; 0: none. */
    streamsPerClient: env.DOCKET_STREAMS_PER_CLIENT,
    /** Months after which the oldest part of the log is taken out of it. */
    keptMonths: env.DOCKET_LOG_MONTHS,
  }))
  .readonly();
