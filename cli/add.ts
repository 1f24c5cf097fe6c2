import { Command, Option } from "commander";
import { upperCase } from "../client/enum-case.ts";
import { graphql } from "../client/gen/gql.ts";
import type { TaskKind } from "../client/gen/graphql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { UsageFault } from "./shell/exit.ts";
import { listed, repeated, whole } from "./shell/options.ts";
import { neededProject } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";

const AddFromShell = graphql(`
  mutation AddFromShell($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
      createdProjects
      keys {
        key
        projectId
        taskId
        ready
      }
    }
  }
`);

interface AddOptions extends ServerOptions {
  readonly title?: string;
  readonly priority?: number;
  readonly label?: string[];
  readonly skill?: string[];
  readonly dependsOn?: string[];
  readonly parent?: string;
  readonly kind?: Lowercase<TaskKind>;
  readonly due?: string;
  readonly context?: string;
  readonly input?: string[];
  readonly output?: string[];
  readonly id?: string;
  readonly createProject?: true;
}

const KINDS: readonly Lowercase<TaskKind>[] = ["task", "project", "session", "research"];

export const addCommand = (shell: Shell): Command =>
  withJson(new Command("add"))
    .description("add a task to a project's queue")
    .argument("<description>", "what is to be done; - reads it from stdin")
    .option("--project <name>", "its project")
    .option("--title <text>", "a short name for lists")
    .option("--priority <number>", "0 is the highest, 4 the lowest; 2 by default", whole(0, 4))
    .option("--label <label>", "a label (repeatable)", listed)
    .option("--skill <skill>", "a skill its worker must have (repeatable)", listed)
    .option(
      "--depends-on <task>",
      "a task that must be completed before, like TASK-003 or api/TASK-003 (repeatable)",
      listed,
    )
    .option("--parent <task>", "the task that this one is a part of")
    .addOption(new Option("--kind <kind>", "what kind of work it is").choices(KINDS))
    .option("--due <instant>", "like 2026-12-01T09:00:00Z")
    .option("--context <text>", "what its worker should know besides")
    .option("--input <artifact>", "what it is made from (repeatable)", repeated)
    .option("--output <artifact>", "what it should give (repeatable)", repeated)
    .option("--id <task>", "its ID, instead of the project's next one")
    .option("--create-project", "make the project where there is none of that name")
    .addHelpText(
      "after",
      `
Examples:
  docket add "Write the parser" --project web-shop --priority 1
  docket add - --title "Fix the login" --depends-on TASK-003 < issue.md`,
    )
    .action(async (given: string, options: AddOptions) => {
      const connected = connect(shell, options);
      const description = given === "-" ? (await shell.readInput()).trim() : given;
      if (description.trim() === "") throw new UsageFault("The description is empty.");
      const { addTasks } = await connected.change(AddFromShell, {
        projectId: neededProject(connected),
        createProject: options.createProject,
        tasks: [
          {
            description,
            title: options.title,
            taskId: options.id,
            priority: options.priority,
            labels: options.label,
            skills: options.skill,
            dependsOn: options.dependsOn,
            parentTaskId: options.parent,
            kind: options.kind && upperCase(options.kind),
            dueDate: options.due,
            contextNotes: options.context,
            inputs: options.input,
            expectedOutputs: options.output,
          },
        ],
      });
      if (options.json) return printJson(shell, addTasks);
      shell.out(`${addTasks.taskIds.join("\n")}\n`);
    });
