import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { programNamed } from "./program.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

export const natsProgram = programNamed("nats-server");

/** A `nats-server` of its own, as a process that can be ended, stopped and started again on the same data. */
export interface NatsServer {
  /** Without a login. */
  readonly url: string;
  /** Starts it again, on the same port and data. */
  start(): Promise<void>;
  /** SIGTERM: ends in order. SIGKILL: as in a crash. */
  end(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** It accepts connections and answers nothing, as a hung one does. */
  hang(): void;
  goOn(): void;
}

export interface NatsOptions {
  /** JetStream's settings in the server's configuration; null: without JetStream. */
  readonly jetstream?: string | null;
  /** More of the server's configuration. */
  readonly settings?: string;
  /** Left for the test to start. */
  readonly away?: boolean;
}

/** On a free port, ended with the test. */
export async function makeNatsServer({
  jetstream = "",
  settings = "",
  away = false,
}: NatsOptions = {}): Promise<NatsServer> {
  const folder = await makeTemporaryFolder("nats");
  const configuration = join(folder, "nats.conf");
  const stored = jetstream === null ? "" : `jetstream { store_dir: "${join(folder, "data")}"\n${jetstream} }`;
  await writeFile(configuration, `${stored}\n${settings}\n`);
  let child: ChildProcess | undefined;
  let port = -1;

  async function start(): Promise<void> {
    const started = spawn(natsProgram ?? "", ["-c", configuration, "-a", "127.0.0.1", "-p", String(port)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    const lines: string[] = [];
    for await (const line of createInterface({ input: started.stderr })) {
      lines.push(line);
      port = Number(/Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? port);
      if (line.endsWith("Server is ready")) break;
    }
    if (!lines.at(-1)?.endsWith("Server is ready")) throw new Error(`nats-server did not start:\n${lines.join("\n")}`);
    // Whatever else it writes must not fill the pipe.
    started.stderr.resume();
  }

  async function end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "exit");
    // One that hangs would not hear.
    running.kill("SIGCONT");
    running.kill(signal);
    await exited;
  }

  onTestFinished(() => end("SIGKILL"));
  await start();
  if (away) await end();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    end,
    hang: () => void child?.kill("SIGSTOP"),
    goOn: () => void child?.kill("SIGCONT"),
  };
}
