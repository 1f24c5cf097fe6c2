import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import packageJson from "../package.json" with { type: "json" };

/** What `npm start` tells Node itself. */
const NODE_ARGUMENTS = /^node (.*)cli\/docket\.js start$/.exec(packageJson.scripts.start)?.[1]?.trim().split(" ") ?? [];

/** The command of this clone. */
export const DOCKET = fileURLToPath(new URL("../cli/docket.js", import.meta.url));

export interface ServerSettings {
  /** undefined: the embedded one of its home. */
  readonly databaseUrl: string | undefined;
  /** DOCKET_HOME: where the first keys are, and the embedded database. */
  readonly home: string;
  /** The command of an installed package, in place of this clone's. */
  readonly docket?: string | undefined;
  /** Further arguments for Node itself, such as `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
  /** More settings of the server. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A module loaded before the server that answers what `ask` sends. */
  readonly probe?: URL;
  /** A file for what it prints; without one, that is read as it comes. */
  readonly output?: string;
}

/** Settings of a server that takes all that clients can ask: what is measured is its speed. */
export const WITHOUT_LIMITS = {
  DOCKET_FIELDS_PER_MINUTE: "0",
  DOCKET_RESERVATIONS_PER_MINUTE: "0",
  DOCKET_FAILED_SIGN_INS_PER_MINUTE: "0",
};

/** Even where eight things run at once. */
const LONGEST_START_MS = 90_000;
const LONGEST_STOP_MS = 10_000;

/** One `docket start` of ours, on any free port of 127.0.0.1, which it keeps when it is started again. */
export class ServerProcess {
  /** Lines of its log: errors only, unless `environment` says otherwise. */
  readonly logged: string[] = [];
  readonly #settings: ServerSettings;
  #child: ChildProcess | undefined;
  #ready = false;
  #url: string | undefined;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
  }

  /** Without a path. @throws Error before the first start. */
  get url(): string {
    if (this.#url === undefined) throw new Error("The server has not been started.");
    return this.#url;
  }

  /** Of the last start; 0 before the first. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Resolves when it answers. @throws Error with what it printed, when it ends before that. */
  async start(): Promise<void> {
    const { databaseUrl, home, docket = DOCKET, nodeArguments = [], environment, probe, output } = this.#settings;
    await using file = output === undefined ? undefined : await open(output, "w");
    const printing = file?.fd ?? "pipe";
    const preloaded = probe ? ["--import", probe.href] : [];
    // `npx docket start` tells Node nothing.
    const forNode = [...(docket === DOCKET ? NODE_ARGUMENTS : []), ...nodeArguments, ...preloaded];
    const child = spawn(process.execPath, [...forNode, docket, "start"], {
      // Where no .env lies.
      cwd: tmpdir(),
      env: {
        PATH: process.env["PATH"],
        PORT: this.#url === undefined ? "0" : new URL(this.#url).port,
        HOST: "127.0.0.1",
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
        DOCKET_HOME: home,
        LOG_LEVEL: "error",
        ...environment,
      },
      stdio: ["ignore", printing, printing, ...(probe ? (["ipc"] as const) : [])],
    });
    this.#child = child;
    let printed = "";
    const print = (chunk: Buffer) => {
      printed = `${printed}${chunk}`.slice(-4_000);
    };
    child.stderr?.on("data", print);
    child.stdout?.on("data", print);
    if (child.stdout)
      createInterface(child.stdout).on("line", (line) => {
        if (line.startsWith("{")) this.logged.push(line);
      });
    const startedAt = performance.now();
    // The banner comes after the first keys are made; /health would answer a moment too early for them.
    let banner: RegExpExecArray | null = null;
    while (!banner) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() - startedAt > LONGEST_START_MS)
        throw new Error(`The server did not start:\n${printed}`);
      await delay(20);
      if (output !== undefined) printed = await readFile(output, "utf8");
      banner = /GraphiQL +(\S+)\/graphql\n/.exec(printed);
    }
    this.#url = banner[1];
    this.#ready = true;
  }

  /** What the probe answers; one question at a time. @throws Error when the server has ended. */
  async ask(question: string): Promise<unknown> {
    const child = this.#child;
    if (!child?.connected) throw new Error(`The server at ${this.url} has ended.`);
    const over = new AbortController();
    const ended = once(child, "exit", over).then(() => Promise.reject(new Error(`The server at ${this.url} ended.`)));
    const answered = once(child, "message", over);
    child.send(question);
    try {
      const [answer] = await Promise.race([answered, ended]);
      return answer;
    } finally {
      over.abort();
      await Promise.allSettled([answered, ended]);
    }
  }

  /** SIGKILL: no goodbye to anyone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    const forced = setTimeout(() => this.killNow(), LONGEST_STOP_MS);
    await this.#end("SIGTERM");
    clearTimeout(forced);
  }

  /** For the end of our own process, which cannot wait. */
  killNow(): void {
    this.#child?.kill("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#ready = false;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}
