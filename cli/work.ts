import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { mayPass } from "../client/faults.ts";
import { graphql } from "../client/gen/gql.ts";
import type { ClaimNextTaskInput } from "../client/gen/graphql.ts";
import { sleep } from "../client/sleep.ts";
import { ClaimFromShell, type ClaimingOptions, claimOf, withClaim } from "./shell/claiming.ts";
import { type Connected, connect } from "./shell/connect.ts";
import { NothingToDo, Refusal, Stopped, UsageFault } from "./shell/exit.ts";
import { seconds, whole, withServer } from "./shell/options.ts";
import { claimable } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { idleForPeople } from "./shell/task-lines.ts";
import { count, plain } from "./shell/text.ts";
import { isRunnable } from "./work/command.ts";
import { type CommandWorker, type WorkEnd, workOn } from "./work/work-on.ts";

const EndOfLog = graphql(`
  query EndOfLog {
    logCursor
  }
`);

const WaitForNews = graphql(`
  query WaitForNews($filter: EventFilter, $after: String, $waitSeconds: Int!) {
    events(filter: $filter, after: $after, first: 100, waitSeconds: $waitSeconds) {
      cursor
    }
  }
`);

interface WorkOptions extends ClaimingOptions {
  readonly lease: number;
  readonly loop?: true;
  readonly max?: number;
  readonly timeout?: number;
  readonly maxFailures: number;
}

/** Renewed by itself, a lease is short so that a worker that died blocks nobody. */
const USUAL_LEASE_SECONDS = 600;
/** For how long one question for news may wait. */
const LONGEST_WAIT_SECONDS = 20;
const LONGEST_PAUSE_MS = 30_000;

export const workCommand = (shell: Shell): Command =>
  withClaim(withServer(new Command("work")), "how soon others may take over when this worker dies", USUAL_LEASE_SECONDS)
    .description("make any command a worker: claim a task, run the command on it, settle it by its exit code")
    .argument("<command...>", "after --; it runs as it is, without a shell")
    .usage("[options] -- <command...>")
    .option("--loop", "go on with the next task, and wait for one where there is none, until Ctrl-C")
    .option("--max <number>", "go on with the next task until so many are done", whole(1, 1_000_000))
    .option("--max-failures <number>", "end when so many failed in a row", whole(1, 1_000_000), 5)
    .option("--timeout <span>", "end a command that takes longer, as failed", seconds)
    .addHelpText(
      "after",
      `
The command finds in its environment:
  DOCKET_TASK_ID, DOCKET_PROJECT   the task
  DOCKET_ATTEMPT                   proves that it holds the task; docket renew, done and release use it
  DOCKET_TASK_FILE                 the task as JSON, with what earlier attempts left
  DOCKET_USAGE_FILE                where it may leave {"inputTokens": …, "outputTokens": …, "costUsd": …, "model": "…"};
                                   the JSON report of an agent with usage and total_cost_usd will do as well
While it runs, the lease is renewed. Then exit code 0 completes the task, 75 gives it back, and any other fails
it; how the command ended and its last output are kept. A task that the command settled itself is left as it is.
On SIGINT and SIGTERM the command is told to end, and the task is given back.

Examples:
  docket work --project web-shop -- make test
  docket work --project all --loop -- sh -c 'claude -p "$(jq -r .description "$DOCKET_TASK_FILE")"'`,
    )
    .action(async (command: string[], options: WorkOptions) => {
      if (!isRunnable(command[0] ?? "", shell))
        throw new UsageFault(`There is no command ${command[0]} that could be run.`);
      const connected = connect(shell, options);
      const projects = await claimable(connected);
      const worker: CommandWorker = { shell, connected, options, command, timeout: options.timeout };
      const claim = { projects, labels: options.label, ...claimOf(options) };
      await work(worker, claim, options);
    });

/** One task after another, as long as it is asked for. Throws what the exit code tells. */
async function work(worker: CommandWorker, claim: ClaimNextTaskInput, options: WorkOptions): Promise<void> {
  const { shell, connected } = worker;
  const { loop = false, max = loop ? Number.POSITIVE_INFINITY : 1 } = options;
  const queue = new Queue(connected, shell, claim, loop);
  let failedInRow = 0;
  let failed = 0;
  let done = 0;
  while (done < max && !shell.signal.aborted) {
    const taken = await queue.take();
    if (taken === undefined) break;
    if ("idle" in taken) {
      if (done === 0) throw new NothingToDo(taken.idle);
      break;
    }
    const end: WorkEnd = await workOn(worker, taken);
    done += 1;
    failed += end === "failed" ? 1 : 0;
    failedInRow = end === "failed" ? failedInRow + 1 : 0;
    if (failedInRow >= options.maxFailures && done < max)
      throw new Refusal(
        `${count(failedInRow, "task")} failed in a row: something may be wrong here. --max-failures allows more.`,
      );
  }
  if (shell.signal.aborted)
    throw new Stopped(shell.signal.reason === "SIGINT" ? "SIGINT" : "SIGTERM", `Stopped after ${count(done, "task")}.`);
  if (failed > 0) throw new Refusal(`${failed} of ${count(done, "task")} failed.`);
}

type Taken = Parameters<typeof workOn>[1];

/** Where a worker takes its tasks from. */
class Queue {
  readonly #connected: Connected;
  readonly #shell: Shell;
  readonly #claim: ClaimNextTaskInput;
  readonly #waits: boolean;

  constructor(connected: Connected, shell: Shell, claim: ClaimNextTaskInput, waits: boolean) {
    this.#connected = connected;
    this.#shell = shell;
    this.#claim = claim;
    this.#waits = waits;
  }

  /** The next task, or why there is none; one that waits returns undefined only when it was stopped. */
  async take(): Promise<Taken | { readonly idle: string } | undefined> {
    let cursor: string | undefined;
    let told = "";
    // One for all tries, so that a claim whose answer was lost is answered again; that there is nothing is not stored.
    const input = { ...this.#claim, idempotencyKey: randomUUID() };
    for (let failures = 0; !this.#shell.signal.aborted; ) {
      try {
        const { task, attempt, briefing, idle } = (await this.#connected.request(ClaimFromShell, { input }))
          .claimNextTask;
        if (task !== null && attempt !== null) {
          const { projectId, taskId } = task;
          this.#shell.err(
            `docket: ${projectId}/${taskId} claimed: ${plain(task.title ?? task.description).slice(0, 100)}\n`,
          );
          const leaseSeconds = this.#claim.leaseSeconds ?? USUAL_LEASE_SECONDS;
          return { task, briefing, taken: { projectId, taskId, attempt, leaseSeconds } };
        }
        const message = idleForPeople(this.#shell, idle);
        if (!this.#waits) return { idle: message };
        if (message !== told) this.#shell.err(`docket: ${message} Waiting.\n`);
        told = message;
        // Only when the place in the log is known before a claim can nothing be missed between them.
        if (cursor === undefined) cursor = (await this.#connected.request(EndOfLog, {})).logCursor;
        else cursor = await this.#news(cursor, idle?.retryAt ?? null);
        failures = 0;
      } catch (error) {
        if (this.#shell.signal.aborted) return undefined;
        if (!this.#waits || !mayPass(error)) throw error;
        failures += 1;
        this.#shell.err(`docket: ${plain(error.message)} Trying again.\n`);
        await sleep(Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS), this.#shell.signal);
      }
    }
    return undefined;
  }

  /** Waits until something happens in the projects, or a task becomes ready by itself; returns where the log was then. */
  async #news(after: string, retryAt: string | null): Promise<string> {
    const left = retryAt === null ? LONGEST_WAIT_SECONDS : Math.ceil((Date.parse(retryAt) - this.#shell.now()) / 1000);
    const waitSeconds = Math.min(Math.max(left, 1), LONGEST_WAIT_SECONDS);
    const filter = { projects: this.#claim.projects };
    const { events } = await this.#connected.request(
      WaitForNews,
      { filter, after, waitSeconds },
      { waitMs: waitSeconds * 1000, signal: this.#shell.signal },
    );
    return events.cursor;
  }
}
