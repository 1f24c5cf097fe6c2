import { onTestFinished } from "vitest";
import { main } from "../../cli/main.ts";
import type { Shell } from "../../cli/shell/shell.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

interface Around extends Partial<Omit<Shell, "env" | "out" | "err">> {
  readonly env?: Record<string, string>;
  readonly input?: string;
  /** Called with all of stdout so far, at each write. */
  readonly watched?: (out: string) => unknown;
  /** The same for stderr. */
  readonly watchedErr?: (err: string) => unknown;
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs command lines within this process, as a user whose home is a folder of its own. */
export async function makeUser(env: Record<string, string> = {}) {
  const home = await makeTemporaryFolder("user");
  const docket = async (args: readonly string[], around: Around = {}): Promise<Ended> => {
    let out = "";
    let err = "";
    const ending = new AbortController();
    onTestFinished(() => ending.abort());
    const { input = "", watched, watchedErr, ...rest } = around;
    const code = await main(args, {
      cwd: home,
      columns: 80,
      isTerminal: false,
      colours: false,
      canAsk: false,
      readInput: async () => input,
      askSecretly: async () => input,
      signal: ending.signal,
      now: Date.now,
      out: (text) => {
        out += text;
        watched?.(out);
      },
      err: (text) => {
        err += text;
        watchedErr?.(err);
      },
      ...rest,
      env: { HOME: home, ...env, ...around.env },
    });
    return { code, out, err };
  };
  return { home, docket };
}
