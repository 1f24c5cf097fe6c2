import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { projectOf } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { nameBeside, taskForPeople, titleOf } from "./shell/task-lines.ts";
import { fromNow, inWords, paint, plain } from "./shell/text.ts";

const ShownTask = graphql(`
  query ShownTask($projectId: ID, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      ...ClaimedTask
      ready
      explainReady {
        reason
        message
      }
      createdAt
      createdBy
      startedAt
      completedAt
      completionNotes
      commitHash
      prNumber
      parkedAt
      parkedReason
      failures
      blockedByHidden
      blockedBy(first: 50) {
        ...LinkedTask
      }
      blocks(first: 50) {
        ...LinkedTask
      }
      attempts(first: 50) {
        number
        worker
        outcome
        notes
        claimedAt
        endedAt
        usage {
          inputTokens
          outputTokens
          costUsd
        }
      }
    }
  }
`);

export const showCommand = (shell: Shell): Command =>
  withJson(new Command("show"))
    .description("show all of a task: what it is, what it waits for, who worked on it")
    .argument("<task>", "like TASK-046")
    .option("--project <name>", "its project, where the name alone is not enough")
    .addHelpText("after", "\nExample:\n  docket show TASK-046 --project web-shop")
    .action(async (taskId: string, options: ServerOptions) => {
      const connected = connect(shell, options);
      const { task } = await connected.request(ShownTask, { projectId: projectOf(connected), taskId });
      if (options.json) return printJson(shell, task);
      const when = (instant: string | null) => instant && `${instant} (${fromNow(shell, instant)})`;
      shell.out(
        taskForPeople(shell, task, [
          ["created", `${when(task.createdAt)}${task.createdBy ? ` by ${plain(task.createdBy)}` : ""}`],
          ["started", when(task.startedAt)],
          ["completed", when(task.completedAt)],
          ["notes", task.completionNotes && plain(task.completionNotes)],
          ["commit", task.commitHash && plain(task.commitHash)],
          ["pull request", task.prNumber && `#${task.prNumber}`],
          ["parked", task.parkedAt && `${fromNow(shell, task.parkedAt)}: ${plain(task.parkedReason ?? "")}`],
          ["failures", task.failures || undefined],
        ]),
      );
      const section = (head: string, lines: readonly string[]) => {
        if (lines.length > 0)
          shell.out(`\n${paint(shell, "bold", head)}\n${lines.map((line) => `  ${line}\n`).join("")}`);
      };
      const line = (other: (typeof task.blocks)[number]) =>
        `${nameBeside(task, other)}  ${titleOf(other)} (${inWords(other.status)})`;
      if (task.status !== "COMPLETED")
        section(
          task.ready ? "Ready" : "Not ready",
          task.explainReady.map(({ message }) => plain(message)),
        );
      section("Waits for", [...task.blockedBy.map(line), ...(task.blockedByHidden ? ["a task you cannot see"] : [])]);
      section("Waited for by", task.blocks.map(line));
      section(
        "Attempts",
        task.attempts.map(
          ({ number, worker, outcome, claimedAt, notes, usage }) =>
            `${number}. ${plain(worker ?? "someone")} ${outcome ? inWords(outcome) : "is on it"}, claimed ${fromNow(shell, claimedAt)}${usage ? `, $${usage.costUsd}` : ""}${notes ? `: ${plain(notes)}` : ""}`,
        ),
      );
    });
