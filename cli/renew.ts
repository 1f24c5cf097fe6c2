import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson } from "./shell/connect.ts";
import { type HeldOptions, heldTask, inputOf, withHeldTask } from "./shell/held-options.ts";
import { json, seconds } from "./shell/options.ts";
import type { Shell } from "./shell/shell.ts";
import { fromNow } from "./shell/text.ts";

const RenewFromShell = graphql(`
  mutation RenewFromShell($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      leaseExpiresAt
      task {
        projectId
        taskId
      }
    }
  }
`);

interface RenewOptions extends HeldOptions {
  readonly lease?: number;
  readonly checkpoint?: string;
}

export const renewCommand = (shell: Shell): Command =>
  withHeldTask(new Command("renew"))
    .description("keep a task for longer, and save how far it is")
    .option("--lease <span>", "for how long from now, like 15m; the project's lease by default", seconds)
    .option("--checkpoint <json>", "how far it is, for whoever goes on if you stop: any JSON")
    .addHelpText("after", `\nExample:\n  docket renew TASK-046 --lease 30m --checkpoint '{"done": "tests written"}'`)
    .action(async (taskId: string | undefined, options: RenewOptions) => {
      const connected = connect(shell, options);
      const { renewTaskLease } = await connected.change(RenewFromShell, {
        ...inputOf(heldTask(shell, connected, taskId, options)),
        leaseSeconds: options.lease,
        checkpoint: options.checkpoint === undefined ? undefined : json(options.checkpoint, "--checkpoint"),
      });
      if (options.json) return printJson(shell, renewTaskLease);
      const { task, leaseExpiresAt } = renewTaskLease;
      shell.out(`Renewed ${task.projectId}/${task.taskId}; its lease ends ${fromNow(shell, leaseExpiresAt)}.\n`);
    });
