import { z } from "zod";
import { isNetwork, NO_NETWORKS } from "./networks.ts";
import { list, setting, wholeNumber } from "./setting.ts";

export type MetricsConfig = NonNullable<z.output<typeof metrics>>;

const SHORTEST_KEY = 16;

/** Who may read `/metrics`; null: nobody, and nothing is counted. */
export const metrics = z
  .object({
    DOCKET_METRICS_KEY: setting(
      z.string().min(SHORTEST_KEY, `must have at least ${SHORTEST_KEY} characters`).optional(),
      { meaning: "the key by which a Prometheus reads [`/metrics`](docs/metrics.md), as its bearer token" },
    ),
    DOCKET_METRICS_FROM: setting(list.refine((networks) => networks.every(isNetwork), NO_NETWORKS).default([]), {
      meaning:
        "addresses and networks like `10.0.0.0/8` from which `/metrics` is read without a key; a request that a proxy " +
        "passed on is never one of them, unless `DOCKET_TRUSTED_PROXIES` names the proxy",
      unset: "none: without it and a key, nothing is counted",
      shown: true,
    }),
    DOCKET_SLOW_STATEMENT_MS: setting(wholeNumber(1, 60_000).default(100), {
      meaning: "from how many milliseconds on a statement of the database counts as slow in `/metrics`",
      shown: true,
    }),
  })
  .transform((env) => {
    const { DOCKET_METRICS_KEY: key = null, DOCKET_METRICS_FROM: from } = env;
    if (key === null && from.length === 0) return null;
    return { key, from, slowStatementMs: env.DOCKET_SLOW_STATEMENT_MS };
  })
  .readonly();
