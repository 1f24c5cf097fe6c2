import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { NothingToDo } from "./shell/exit.ts";
import { listed } from "./shell/options.ts";
import { claimable } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { idleForPeople, taskForPeople } from "./shell/task-lines.ts";

const PeekAtNextTask = graphql(`
  query PeekAtNextTask($projects: [ID!], $labels: [String!], $skills: [String!]) {
    nextTask(projects: $projects, labels: $labels, skills: $skills) {
      task {
        ...ClaimedTask
      }
      idle {
        ...WhyIdle
      }
    }
  }
`);

interface NextOptions extends ServerOptions {
  readonly label?: string[];
  readonly skill?: string[];
}

export const nextCommand = (shell: Shell): Command =>
  withJson(new Command("next"))
    .description("look at the task that a claim would take now, and change nothing; exit code 3 where there is none")
    .option("--project <names>", "all, or names separated by commas")
    .option("--label <label>", "only tasks with all of these labels (repeatable)", listed)
    .option("--skill <skill>", "a skill the worker has (repeatable)", listed)
    .addHelpText("after", "\nExample:\n  docket next --project web-shop || echo 'nothing to do'")
    .action(async (options: NextOptions) => {
      const connected = connect(shell, options);
      const { nextTask } = await connected.request(PeekAtNextTask, {
        projects: await claimable(connected),
        labels: options.label,
        skills: options.skill,
      });
      if (options.json) printJson(shell, nextTask);
      if (nextTask.task === null) throw new NothingToDo(options.json ? "" : idleForPeople(shell, nextTask.idle));
      if (!options.json) shell.out(taskForPeople(shell, nextTask.task));
    });
