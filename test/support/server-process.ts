import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { TestDatabase } from "./database.ts";

const docket = fileURLToPath(new URL("../../cli/docket.js", import.meta.url));

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
  const child = spawn(process.execPath, [docket, "start"], {
    cwd: home,
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: database.url,
      DATABASE_OWNER_URL: database.ownerUrl,
      DOCKET_HOME: home,
      PORT: "0",
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const facts: Record<string, string> = {};
  const logged: string[] = [];
  const started = Promise.withResolvers<void>();
  // Read to the end: whatever else it writes must not fill the pipe.
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    if (line.startsWith("{")) return void logged.push((JSON.parse(line) as { msg?: string }).msg ?? "");
    const [, name, value] = /^ {2}(GraphiQL|Agent key) +(.+)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) facts[name] = value;
    if (line.startsWith("Ctrl-C stops")) started.resolve();
  });
  lines.once("close", () => started.reject(new Error("docket did not start")));
  await started.promise;
  const { GraphiQL: page, "Agent key": keyFile } = facts;
  if (page === undefined || keyFile === undefined || child.pid === undefined) throw new Error("docket did not start");
  return {
    pid: child.pid,
    url: page.replace(/\/graphql$/, ""),
    agentKey: (await readFile(keyFile, "utf8")).trim(),
    logged,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
