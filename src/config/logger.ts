import { z } from "zod";
import { setting } from "./setting.ts";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export type LoggerConfig = z.output<typeof logger>;

/** What the server writes on standard output about its own running. */
export const logger = z
  .object({
    LOG_LEVEL: setting(z.enum(LEVELS, `must be one of ${LEVELS.join(", ")}`).default("info"), {
      meaning: "`trace` … `fatal`, `silent`; one JSON line per request on standard output",
      shown: true,
    }),
  })
  .transform((env) => ({ level: env.LOG_LEVEL }))
  .readonly();
