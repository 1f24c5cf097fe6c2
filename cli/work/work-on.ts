import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { mayPass } from "../../client/faults.ts";
import type { ClaimedTaskFragment, LeftBehindFragment } from "../../client/gen/graphql.ts";
import { sleep } from "../../client/sleep.ts";
import type { Connected, ServerOptions } from "../shell/connect.ts";
import { UsageFault } from "../shell/exit.ts";
import type { Shell } from "../shell/shell.ts";
import { plain } from "../shell/text.ts";
import { type CommandEnd, howEnded, runCommand } from "./command.ts";
import { complete, giveBack, howItStands, keepLease, type TakenTask } from "./lease.ts";
import { readUsage } from "./usage.ts";

/** What came of a task: completed or given back by us, settled by the command, or no longer ours. */
export type WorkEnd = "completed" | "failed" | "given back" | "settled" | "lost" | "stopped";

export interface CommandWorker {
  readonly shell: Shell;
  readonly connected: Connected;
  readonly options: ServerOptions;
  readonly command: readonly string[];
  /** Seconds after which a command is ended, if it may not run for ever. */
  readonly timeout: number | undefined;
  readonly graceMs?: number | undefined;
}

interface Work {
  readonly taken: TakenTask;
  readonly task: ClaimedTaskFragment;
  readonly briefing: LeftBehindFragment | null;
}

/** Exit code by which a command says: not now, somebody may try again (EX_TEMPFAIL of sysexits.h). */
const TRY_AGAIN = 75;

/** Runs the command on a task that was taken, keeps the lease meanwhile, and settles the task by how it ended. */
export async function workOn(worker: CommandWorker, { taken, task, briefing }: Work): Promise<WorkEnd> {
  const { shell, connected } = worker;
  const say = (text: string) => shell.err(`docket: ${taken.projectId}/${taken.taskId} ${text}\n`);
  const folder = await mkdtemp(join(tmpdir(), "docket-work-"));
  try {
    const taskFile = join(folder, "task.json");
    const usageFile = join(folder, "usage.json");
    await writeFile(taskFile, `${JSON.stringify({ ...task, attempt: taken.attempt, briefing }, null, 2)}\n`, {
      mode: 0o600,
    });
    const running = runCommand(worker.command, {
      shell,
      graceMs: worker.graceMs,
      env: { ...shell.env, ...handedOver(worker, taken), DOCKET_TASK_FILE: taskFile, DOCKET_USAGE_FILE: usageFile },
    });

    let ending: "stopped" | "lost" | "timeout" | undefined;
    const end = (why: "stopped" | "lost" | "timeout", signal: NodeJS.Signals, text: string) => {
      if (ending !== undefined) return;
      ending = why;
      say(text);
      running.stop(signal);
    };
    const stopRenewing = keepLease(connected, taken, {
      silentSeconds: running.silentSeconds,
      lost: (to) => end("lost", "SIGTERM", `is lost to ${plain(to)}: the command is told to end`),
      failed: (error) => say(`was not renewed: ${error instanceof Error ? plain(error.message) : String(error)}`),
    });
    const interrupted = () => {
      const signal = shell.signal.reason === "SIGINT" ? "SIGINT" : "SIGTERM";
      end("stopped", signal, `is given back: the command is told to end`);
    };
    if (shell.signal.aborted) interrupted();
    shell.signal.addEventListener("abort", interrupted, { once: true });
    const timer =
      worker.timeout === undefined
        ? undefined
        : setTimeout(
            () => end("timeout", "SIGTERM", "takes too long: the command is told to end"),
            worker.timeout * 1000,
          );
    let ended: CommandEnd;
    try {
      ended = await running.ended;
    } catch (error) {
      await giveBack(connected, taken, "stopped", { notes: "The worker's command could not be started." });
      throw new UsageFault(
        `${worker.command[0]} cannot be run: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      stopRenewing();
      clearTimeout(timer);
      shell.signal.removeEventListener("abort", interrupted);
    }
    if (ending === "lost") return "lost";

    const usage = usageFrom(usageFile, say);
    const why = { stopped: "The worker was stopped", timeout: "It took too long" };
    const how = ending === undefined ? howEnded(ended) : `${why[ending]} (${howEnded(ended)})`;
    const notes = ended.output === "" ? how : `${how}\n\n${ended.output}`;
    return await persistently(taken.leaseSeconds, say, async () => {
      const hold = await howItStands(connected, taken);
      if (hold.state !== "held") {
        say(hold.state === "lost" ? `is lost to ${plain(hold.to)}` : "was settled by the command itself");
        return hold.state;
      }
      if (ending === undefined && ended.code === 0) {
        await complete(connected, taken, { notes, usage });
        say("completed");
        return "completed";
      }
      const outcome = ending === "stopped" ? "stopped" : ended.code === TRY_AGAIN && !ending ? "released" : "failed";
      const parked = await giveBack(connected, taken, outcome, { notes, usage });
      say(
        `${outcome === "failed" ? "failed" : "given back"}: ${how}${parked === undefined ? "" : `. It is parked: ${plain(parked)}`}`,
      );
      return outcome === "released" ? "given back" : outcome;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** So that what the command calls talks to the same server, about the same task. */
function handedOver({ shell, connected, options }: CommandWorker, { projectId, taskId, attempt }: TakenTask) {
  return {
    DOCKET_URL: connected.url,
    DOCKET_PROJECT: projectId,
    DOCKET_TASK_ID: taskId,
    DOCKET_ATTEMPT: attempt,
    ...(options.keyFile && { DOCKET_API_KEY_FILE: resolve(shell.cwd, options.keyFile), DOCKET_API_KEY: undefined }),
  };
}

function usageFrom(file: string, say: (text: string) => void) {
  try {
    return readUsage(file);
  } catch (error) {
    say(
      `its usage is not recorded, as DOCKET_USAGE_FILE makes no sense: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

/** Settles also after an outage: until the lease would have run out, and once more. */
async function persistently<Result>(
  leaseSeconds: number,
  say: (text: string) => void,
  settle: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + leaseSeconds * 1000;
  for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, 10_000)) {
    try {
      return await settle();
    } catch (error) {
      if (!mayPass(error) || performance.now() > deadline) throw error;
      say(`waits for the server: ${plain(error.message)}`);
      await sleep(pauseMs);
    }
  }
}
