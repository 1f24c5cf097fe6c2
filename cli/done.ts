import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { forgetAttempt } from "./shell/attempts.ts";
import { connect, printJson } from "./shell/connect.ts";
import { type HeldOptions, heldTask, inputOf, withHeldTask } from "./shell/held-options.ts";
import type { Shell } from "./shell/shell.ts";
import { count } from "./shell/text.ts";

const CompleteFromShell = graphql(`
  mutation CompleteFromShell($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      task {
        projectId
        taskId
        status
        completedAt
        completionNotes
      }
      becameReady {
        projectId
        taskId
      }
    }
  }
`);

interface DoneOptions extends HeldOptions {
  readonly notes?: string;
}

export const doneCommand = (shell: Shell): Command =>
  withHeldTask(new Command("done"))
    .description("complete a task that you hold")
    .option("--notes <text>", "what was done; - reads it from stdin")
    .addHelpText(
      "after",
      `\nExamples:\n  docket done TASK-046 --notes "Parser written, tests green"\n  git log -1 --format=%B | docket done --notes -`,
    )
    .action(async (taskId: string | undefined, options: DoneOptions) => {
      const connected = connect(shell, options);
      const notes = options.notes === "-" ? (await shell.readInput()).trim() : options.notes;
      const { updateTaskStatus } = await connected.change(CompleteFromShell, {
        ...inputOf(heldTask(shell, connected, taskId, options)),
        status: "COMPLETED",
        completionNotes: notes,
      });
      const { task, becameReady } = updateTaskStatus;
      forgetAttempt(shell, { server: connected.url, ...task });
      if (options.json) return printJson(shell, updateTaskStatus);
      shell.out(`Completed ${task.projectId}/${task.taskId}.\n`);
      if (becameReady.length > 0)
        shell.out(
          `${count(becameReady.length, "task")} became ready: ${becameReady.map((one) => `${one.projectId}/${one.taskId}`).join(", ")}\n`,
        );
    });
