import type { Jobs } from "../../schema/context.ts";

/** Of a server that runs no background jobs. */
export const noJobs: Jobs = { state: async () => [] };
