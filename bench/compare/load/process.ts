import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Target } from "./asker.ts";

/** What the process is to do. */
export interface Burst {
  readonly operation: string;
  readonly target: Target;
  readonly connections: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Unique over all bursts. */
  readonly key: string;
}

/** Is told when what is measured begins and when it ends. */
export interface Around {
  readonly begun: () => Promise<void>;
  readonly ended: () => Promise<void>;
}

/** What it did. */
export interface Done {
  readonly seconds: number;
  /** How long each turn took. */
  readonly milliseconds: readonly number[];
  readonly errors: number;
  readonly firstError: string | undefined;
  /** Its own processor time. */
  readonly processorMs: number;
}

/** A process that does nothing but ask, so that what asking costs is known, and stays the same for all that are asked. */
export class LoadProcess implements Disposable {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL("./main.ts", import.meta.url)), {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  }

  /** Asks for so many seconds, after a time to warm up. */
  async run(burst: Burst, around: Around): Promise<Done> {
    await this.#said(burst);
    await around.begun();
    const done = (await this.#said("go")) as Done;
    await around.ended();
    await this.#said("close");
    return done;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }

  #said(message: Burst | string): Promise<unknown> {
    const answered = this.#next();
    this.#child.send(message);
    return answered;
  }

  async #next(): Promise<unknown> {
    const over = new AbortController();
    try {
      const ended = once(this.#child, "exit", over).then(() =>
        Promise.reject(new Error("The process that asks ended.")),
      );
      const [message] = await Promise.race([once(this.#child, "message", over), ended]);
      return message;
    } finally {
      over.abort();
    }
  }
}
