import packageJson from "../../package.json" with { type: "json" };
import type { Database } from "../db/database.ts";
import { background } from "../db/requester.ts";
import { type Handler, sendJson } from "./exchange.ts";

/** How long an answer waits for the database, in milliseconds; all of it is promised within 100. */
const PATIENCE_MS = 60;
/** So long after the database said that its disk is full, health is degraded, in milliseconds. */
const DISK_FULL_MS = 10_000;
/** A connection that came back to the pool this recently shows that the database answers, in milliseconds. */
const SIGN_OF_LIFE_MS = 1_000;

/**
 * `/health`: open to everyone, 200 whether the database answers or not, and never slow. One probe at a time goes
 * through the pool; under load, when it waits its turn, the other statements' success says the same.
 */
export function createHealthRoute({ pool }: Database): Handler {
  const startedAt = performance.now();
  let lastSignOfLife = Number.NEGATIVE_INFINITY;
  let probe: Promise<boolean> | undefined;
  const asHealth = background("health");

  pool.on("release", (error) => {
    if (!error) lastSignOfLife = performance.now();
  });

  function ask(): Promise<boolean> {
    probe ??= asHealth(() => pool.query("SELECT 1"))
      .then(
        () => true,
        () => {
          // Signs of life from before this failure no longer count.
          lastSignOfLife = Number.NEGATIVE_INFINITY;
          return false;
        },
      )
      .finally(() => {
        probe = undefined;
      });
    return probe;
  }

  async function isConnected(): Promise<boolean> {
    const answer = await Promise.race([ask(), after(PATIENCE_MS)]);
    return answer ?? performance.now() - lastSignOfLife < SIGN_OF_LIFE_MS;
  }

  return async ({ response }) => {
    const connected = await isConnected();
    const full = pool.diskFullSinceMs < DISK_FULL_MS;
    sendJson(response, 200, {
      status: connected && !full ? "healthy" : "degraded",
      version: packageJson.version,
      uptime_seconds: Math.floor((performance.now() - startedAt) / 1000),
      dependencies: { database: connected ? (full ? "disk full" : "connected") : "disconnected" },
    });
  };
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
