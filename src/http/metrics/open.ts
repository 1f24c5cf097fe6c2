import type { MetricsConfig } from "../../config/metrics.ts";
import type { Measured, Metrics } from "./metrics.ts";
import { createTotals } from "./totals.ts";

/** The background jobs, as far as metrics ask for them. */
interface MeasuredJobs {
  failures(): ReadonlyMap<string, number>;
  counts(name: "webhooks"): Readonly<Record<string, number>>;
  readonly state: Parameters<typeof createTotals>[1]["state"];
}

/** What counts in this process, and who may read it. */
export interface OpenMetrics {
  readonly metrics: Metrics;
  readonly config: MetricsConfig;
}

/** Only a server that somebody reads metrics of loads what makes them. */
export async function openMetrics(
  config: MetricsConfig,
  { database, log, vitals, jobs }: Pick<Measured, "database" | "log" | "vitals"> & { readonly jobs: MeasuredJobs },
): Promise<OpenMetrics> {
  const { Metrics } = await import("./metrics.ts");
  const metrics = new Metrics({
    database,
    log,
    vitals,
    totals: createTotals(database, jobs),
    jobFailures: () => jobs.failures(),
    webhookAttempts: () => jobs.counts("webhooks"),
    slowStatementMs: config.slowStatementMs,
  });
  return { metrics, config };
}
