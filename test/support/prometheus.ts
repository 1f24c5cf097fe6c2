import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { programNamed } from "./program.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

export const [prometheusProgram, promtool] = [programNamed("prometheus"), programNamed("promtool")];

/** A Prometheus of its own, as a process that ends with the test. */
export interface Prometheus {
  /** What one of its paths answers. @throws Error with what is wrong with the request. */
  get<Data>(path: string, parameters?: Record<string, string>): Promise<Data>;
}

/** @param file its configuration. */
export async function startPrometheus(file: string): Promise<Prometheus> {
  const folder = await makeTemporaryFolder("prometheus");
  const child = spawn(
    prometheusProgram ?? "",
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      "--log.level=info",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
  const lines: string[] = [];
  let address = "";
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    address = /msg="Listening on" address=(\S+)/.exec(line)?.[1] ?? address;
    if (line.includes("Server is ready")) break;
  }
  if (!lines.at(-1)?.includes("Server is ready")) throw new Error(`prometheus did not start:\n${lines.join("\n")}`);
  // Whatever else it writes must not fill the pipe.
  child.stderr.resume();
  return {
    async get<Data>(path: string, parameters: Record<string, string> = {}) {
      const response = await fetch(`http://${address}/api/v1/${path}?${new URLSearchParams(parameters)}`);
      const answer = (await response.json()) as { status: string; error?: string; data: Data };
      if (answer.status !== "success") throw new Error(`${JSON.stringify(parameters)}: ${answer.error}`);
      return answer.data;
    },
  };
}
