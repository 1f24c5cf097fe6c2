import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import type { ClaimedTaskFragment, LeftBehindFragment } from "../client/gen/graphql.ts";
import { keepAttempt } from "./shell/attempts.ts";
import { ClaimFromShell, type ClaimingOptions, claimOf, withClaim } from "./shell/claiming.ts";
import { type Connected, connect, printJson, withJson } from "./shell/connect.ts";
import { NothingToDo, UsageFault } from "./shell/exit.ts";
import { claimable, projectOf } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { briefingForPeople, idleForPeople, taskForPeople } from "./shell/task-lines.ts";

const ClaimNamedTask = graphql(`
  mutation ClaimNamedTask($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      attempt
      task {
        ...ClaimedTask
      }
      briefing {
        ...LeftBehind
      }
    }
  }
`);

interface ClaimOptions extends ClaimingOptions {
  readonly takeOver?: true;
}

interface Claimed {
  readonly attempt: string | null;
  readonly task: ClaimedTaskFragment;
  readonly briefing: LeftBehindFragment | null;
}

export const claimCommand = (shell: Shell): Command =>
  withClaim(
    withJson(new Command("claim")).argument("[task]", "this very task, like TASK-046"),
    "for how long, like 15m; the project's lease by default",
  )
    .description("take the next ready task, or the one that is named; exit code 3 where there is none")
    .option("--take-over", "with a task: also from a dead session of this key and worker")
    .addHelpText(
      "after",
      `
The attempt, which proves that you hold the task, is kept for renew, done and release in the folder
$XDG_STATE_HOME/docket (~/.local/state/docket by default), readable by you alone. Agents that share a user's
account each pass their own: --attempt, or DOCKET_ATTEMPT.

Examples:
  docket claim --project web-shop --lease 30m
  docket claim TASK-046 --json | jq -r .attempt`,
    )
    .action(async (taskId: string | undefined, options: ClaimOptions) => {
      const connected = connect(shell, options);
      const claimed =
        taskId === undefined ? await next(shell, connected, options) : await named(connected, taskId, options);
      const { task, attempt, briefing } = claimed;
      if (attempt !== null)
        keepAttempt(shell, { server: connected.url, projectId: task.projectId, taskId: task.taskId, attempt });
      if (options.json) return printJson(shell, claimed);
      shell.out(taskForPeople(shell, task) + briefingForPeople(shell, briefing));
      if (attempt !== null) shell.out(`\nYours. attempt ${attempt}; then: docket done ${task.taskId} --notes "…"\n`);
    });

async function next(shell: Shell, connected: Connected, options: ClaimOptions): Promise<Claimed> {
  if (options.takeOver) throw new UsageFault("--take-over needs the task that it takes over.");
  const { claimNextTask } = await connected.change(ClaimFromShell, {
    projects: await claimable(connected),
    labels: options.label,
    ...claimOf(options),
  });
  const { task, idle } = claimNextTask;
  if (task !== null) return { ...claimNextTask, task };
  if (options.json) printJson(shell, { attempt: null, task: null, idle });
  throw new NothingToDo(options.json ? "" : idleForPeople(shell, idle));
}

async function named(connected: Connected, taskId: string, options: ClaimOptions): Promise<Claimed> {
  if (options.label !== undefined) throw new UsageFault("--label chooses among tasks, and you named one.");
  const { updateTaskStatus } = await connected.change(ClaimNamedTask, {
    projectId: projectOf(connected),
    taskId,
    status: "IN_PROGRESS",
    ...claimOf(options),
    takeOver: options.takeOver,
  });
  return updateTaskStatus;
}
