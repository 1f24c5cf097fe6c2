import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { forgetAttempt } from "./shell/attempts.ts";
import { connect, printJson } from "./shell/connect.ts";
import { type HeldOptions, heldTask, inputOf, withHeldTask } from "./shell/held-options.ts";
import { json, seconds } from "./shell/options.ts";
import type { Shell } from "./shell/shell.ts";
import { fromNow, plain } from "./shell/text.ts";

const ReleaseFromShell = graphql(`
  mutation ReleaseFromShell($input: ReleaseTaskInput!) {
    releaseTask(input: $input) {
      task {
        projectId
        taskId
        status
        readyAt
        failures
        parkedAt
        parkedReason
      }
    }
  }
`);

interface ReleaseOptions extends HeldOptions {
  readonly notes?: string;
  readonly failed?: true;
  readonly retryAfter?: number;
  readonly checkpoint?: string;
}

export const releaseCommand = (shell: Shell): Command =>
  withHeldTask(new Command("release"))
    .description("give a task back to the queue")
    .option("--notes <text>", "why; the next worker reads it")
    .option("--failed", "it was tried and failed, whatever checkpoint it has")
    .option("--retry-after <span>", "nobody claims it before, like 10m", seconds)
    .option("--checkpoint <json>", "how far it is, for whoever goes on: any JSON")
    .addHelpText(
      "after",
      `\nExample:\n  docket release TASK-046 --failed --notes "The test database is down" --retry-after 10m`,
    )
    .action(async (taskId: string | undefined, options: ReleaseOptions) => {
      const connected = connect(shell, options);
      const { releaseTask } = await connected.change(ReleaseFromShell, {
        ...inputOf(heldTask(shell, connected, taskId, options)),
        notes: options.notes,
        outcome: options.failed ? "FAILED" : undefined,
        retryAfterSeconds: options.retryAfter,
        checkpoint: options.checkpoint === undefined ? undefined : json(options.checkpoint, "--checkpoint"),
      });
      const { task } = releaseTask;
      forgetAttempt(shell, { server: connected.url, ...task });
      if (options.json) return printJson(shell, releaseTask);
      const later = task.readyAt ? ` It is ready ${fromNow(shell, task.readyAt)}.` : "";
      const parked = task.parkedAt ? ` It is parked: ${plain(task.parkedReason ?? "")}` : "";
      shell.out(`Gave ${task.projectId}/${task.taskId} back.${later}${parked}\n`);
    });
