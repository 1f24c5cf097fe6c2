import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { type ChoosingOptions, withChoice } from "./shell/claiming.ts";
import { connect, printJson, withJson } from "./shell/connect.ts";
import { NothingToDo } from "./shell/exit.ts";
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

export const nextCommand = (shell: Shell): Command =>
  withChoice(withJson(new Command("next")))
    .description("look at the task that a claim would take now, and change nothing; exit code 3 where there is none")
    .addHelpText("after", "\nExample:\n  docket next --project web-shop || echo 'nothing to do'")
    .action(async (options: ChoosingOptions) => {
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
