import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ServerProcess as Started, WITHOUT_LIMITS } from "../../bench/server-process.ts";
import { builtDocket } from "./built-docket.ts";
import type { TestDatabase } from "./database.ts";

/** `docket start` as a process of its own. */
export interface ServerProcess {
  readonly pid: number;
  /** Without a path. */
  readonly url: string;
  /** The first agent key, which it shares with the other processes of its home. */
  readonly agentKey: string;
  /** The messages of its log so far. */
  readonly logged: readonly string[];
  /** As kill -9 does. */
  kill(): Promise<void>;
}

/**
 * Starts it on a test's database and, unless `env` names one, any free port; it is stopped when the test ends.
 * @param home DOCKET_HOME
 * @param env further environment variables
 */
export async function startServerProcess(
  database: Pick<TestDatabase, "url" | "ownerUrl">,
  home: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const environment = { ...WITHOUT_LIMITS, DATABASE_OWNER_URL: database.ownerUrl, LOG_LEVEL: "info", ...env };
  const server = new Started({ databaseUrl: database.url, home, environment, docket: await builtDocket() });
  onTestFinished(() => server.stop());
  await server.start();
  return {
    pid: server.pid,
    url: server.url,
    agentKey: (await readFile(join(home, "agent-key"), "utf8")).trim(),
    get logged() {
      return server.logged.map((line) => (JSON.parse(line) as { msg?: string }).msg ?? "");
    },
    kill: () => server.kill(),
  };
}
