import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { environment } from "../../client/node/config.ts";
import type { Shell } from "./shell.ts";

const USUAL_COLUMNS = 80;
/** Signals that come within this many milliseconds of the first count as one; a later one does not wait. */
const ECHO_MS = 500;
const EXIT_OF_CTRL_C = 130;

/** The shell of this process. */
export function makeShell(): Shell {
  const { stdin, stdout, stderr } = process;
  const ending = new AbortController();
  // The reader of the output may have gone (`docket status | head`, a closed terminal): that is no fault of the command.
  for (const stream of [stdout, stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
      if (stream === stdout) ending.abort();
    });
  let watched = false;
  let stoppingSince: number | undefined;
  const stop = (name: "SIGINT" | "SIGTERM") => {
    // A wrapper may pass on the Ctrl-C that the terminal has sent to everyone: that is still the first one.
    if (stoppingSince !== undefined && performance.now() - stoppingSince > ECHO_MS) process.exit(EXIT_OF_CTRL_C);
    stoppingSince ??= performance.now();
    ending.abort(name);
  };
  return {
    env: environment,
    cwd: process.cwd(),
    out: (words) => void stdout.write(words),
    err: (words) => void stderr.write(words),
    columns: stdout.isTTY ? stdout.columns : USUAL_COLUMNS,
    isTerminal: stdout.isTTY === true,
    colours: stdout.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb",
    canAsk: stdin.isTTY === true && stderr.isTTY === true,
    readInput: () => text(stdin),
    askSecretly,
    get signal() {
      // Only a command that looks at the signal keeps Ctrl-C from ending the process.
      if (!watched) for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stop(name));
      watched = true;
      return ending.signal;
    },
    now: Date.now,
  };
}

async function askSecretly(question: string): Promise<string> {
  process.stderr.write(question);
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silence, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
