import { spawn } from "node:child_process";
import { accessSync, constants as fileModes } from "node:fs";
import { constants } from "node:os";
import { delimiter, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Shell } from "../shell/shell.ts";

/** How a worker's command ended. */
export interface CommandEnd {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote last. */
  readonly output: string;
}

/** A worker's command as it runs. */
export interface RunningCommand {
  /** Rejects when it could not be started. */
  readonly ended: Promise<CommandEnd>;
  /** Tells it and what it has started to end; what does not within the time of grace is killed. */
  readonly stop: (signal: NodeJS.Signals) => void;
  /** For how many seconds it has written nothing. */
  readonly silentSeconds: () => number;
}

/** Of its output so much is kept for the record, in characters. */
const KEPT_OUTPUT = 4_000;
/** Between the request to end and the end by force. */
const GRACE_MS = 10_000;
/** For what is still in the pipes when the command has ended. */
const LAST_WORDS_MS = 1_000;

/** Whether there is such a command, so that none is told by a task that was taken for it. */
export function isRunnable(file: string, { env, cwd }: Pick<Shell, "env" | "cwd">): boolean {
  const folders = file.includes("/") ? [""] : (env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(resolve(cwd, folder, file), fileModes.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

interface Settings {
  readonly shell: Shell;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly graceMs?: number | undefined;
}

/** Starts a command, whose output goes where this one's goes. */
export function runCommand(
  [file = "", ...args]: readonly string[],
  { shell, env, graceMs = GRACE_MS }: Settings,
): RunningCommand {
  // A group of its own: what it starts is told to end as well, and a terminal's Ctrl-C reaches it through us alone.
  const child = spawn(file, args, { cwd: shell.cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  let wroteAt = performance.now();
  const passOn = (write: (text: string) => void) => (text: string) => {
    wroteAt = performance.now();
    output = (output + text).slice(-2 * KEPT_OUTPUT);
    write(text);
  };
  child.stdout.setEncoding("utf8").on("data", passOn(shell.out));
  child.stderr.setEncoding("utf8").on("data", passOn(shell.err));

  const tell = (signal: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  };
  let force: NodeJS.Timeout | undefined;
  const stop = (signal: NodeJS.Signals) => {
    tell(signal);
    force ??= setTimeout(() => tell("SIGKILL"), graceMs);
  };
  // Whatever ends this process, nothing may go on working at a task that nobody renews.
  const killed = () => tell("SIGKILL");
  process.once("exit", killed);

  const { promise: ended, resolve: end, reject } = Promise.withResolvers<CommandEnd>();
  child.once("error", reject);
  child.once("exit", (code, signal) => {
    // What it left running in its group would work at a task that is settled.
    tell("SIGKILL");
    const settle = () => {
      clearTimeout(waiting);
      for (const pipe of [child.stdout, child.stderr]) pipe.destroy();
      end({ code, signal, output: lastOf(output) });
    };
    // A service that it started in a session of its own may hold the pipes open for ever.
    const waiting = setTimeout(settle, LAST_WORDS_MS);
    child.once("close", settle);
  });
  return {
    ended: ended.finally(() => {
      clearTimeout(force);
      process.off("exit", killed);
    }),
    stop,
    silentSeconds: () => Math.floor((performance.now() - wroteAt) / 1000),
  };
}

/** The last lines of an output, as text that may be kept: without colours, and without a key that slipped in. */
function lastOf(output: string): string {
  const text = stripVTControlCharacters(output)
    .replaceAll(/\bdk_\w+/g, "dk_…")
    .trim();
  if (text.length <= KEPT_OUTPUT) return text;
  const kept = text.slice(-KEPT_OUTPUT).toWellFormed();
  return `…${kept.slice(kept.indexOf("\n") + 1)}`;
}

/** Like `exit code 1` or `SIGKILL`. */
export const howEnded = ({ code, signal }: Pick<CommandEnd, "code" | "signal">): string =>
  signal === null ? `exit code ${code}` : `killed by ${signal} (${constants.signals[signal]})`;
