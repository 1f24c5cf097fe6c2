import packageJson from "../../package.json" with { type: "json" };
import type { Watched } from "../db/watch.ts";
import { type Handler, READS, type Route, sendJson } from "./exchange.ts";

/** What health knows without asking anybody. */
export interface Vitals {
  /** The database, as of the last look. */
  readonly database: () => Watched;
  /** Whether this process publishes to the bus; null: it has none, or leaves that to others. */
  readonly bus: () => boolean | null;
  /** Whether the process has begun to stop. */
  readonly stopping: () => boolean;
}

/**
 * What probes ask, open to everyone, from memory alone: `/health` says how the server is and is 200 always, `/health/live`
 * whether the process answers, `/health/ready` whether it should be sent requests.
 */
export function createHealthRoutes(vitals: Vitals): readonly (readonly [path: string, route: Route])[] {
  const startedAt = performance.now();

  const health: Handler = ({ response }) => {
    const { connected, diskFull } = vitals.database();
    sendJson(response, 200, {
      status: connected && !diskFull ? "healthy" : "degraded",
      version: packageJson.version,
      uptime_seconds: Math.floor((performance.now() - startedAt) / 1000),
      dependencies: { database: connected ? (diskFull ? "disk full" : "connected") : "disconnected" },
    });
  };

  const ready: Handler = ({ response }) => {
    const { connected, lacking } = vitals.database();
    const bus = vitals.bus();
    const reasons = [
      vitals.stopping() && "The server is stopping.",
      !connected && "The database does not answer.",
      lacking.length > 0 && `The database lacks migrations: ${lacking.join(", ")}. Run docket migrate.`,
    ].filter((reason) => reason !== false);
    sendJson(response, reasons.length === 0 ? 200 : 503, {
      status: reasons.length === 0 ? "ready" : "not ready",
      reasons,
      dependencies: {
        database: connected ? "connected" : "disconnected",
        schema: lacking.length === 0 ? "current" : "older",
        // Events wait in the log until the bus is back: no reason to send no requests.
        bus: bus === null ? "none" : bus ? "connected" : "disconnected",
      },
    });
  };

  return [
    ["/health", { methods: READS, answer: health }],
    ["/health/live", { methods: READS, answer: ({ response }) => sendJson(response, 200, { status: "live" }) }],
    ["/health/ready", { methods: READS, answer: ready }],
  ];
}
