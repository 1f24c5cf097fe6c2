import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { contentOf } from "./shell/options.ts";
import { readPlan } from "./shell/plan-file.ts";
import { neededProject } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { table } from "./shell/table.ts";
import { titleOf } from "./shell/task-lines.ts";
import { count } from "./shell/text.ts";

const AddPlan = graphql(`
  mutation AddPlan($input: AddTasksInput!) {
    addTasks(input: $input) {
      taskIds
      createdProjects
      keys {
        key
        projectId
        taskId
        ready
      }
      tasks {
        projectId
        taskId
        title
        description
        ready
      }
    }
  }
`);

interface PlanOptions extends ServerOptions {
  readonly createProject?: true;
  readonly dryRun?: true;
}

export const planCommand = (shell: Shell): Command =>
  withJson(new Command("plan"))
    .description("add all tasks of a file at once, or none of them where one is refused")
    .argument("<file>", "JSON or Markdown; - reads it from stdin")
    .option("--project <name>", "the project of tasks that name none")
    .option("--create-project", "make the project where there is none of that name")
    .option("--dry-run", "only show what would be added")
    .addHelpText(
      "after",
      `
JSON is a list of tasks, or an object whose member \`tasks\` is one, with the fields of AddTaskItem in the schema:
  [{"key": "a", "description": "Design the schema"},
   {"description": "Write the API", "dependsOn": ["a", "TASK-003"], "priority": 1}]

Markdown is a list: each item is a task, one that is indented a part of the one above, and one that is ticked
is left out. \`(after: …)\` at the end names what it waits for, by the key in \`{#key}\` or by a task's ID:
  - [ ] Design the schema {#a}
  - [ ] Write the API (after: a, TASK-003)
    - [ ] Write its tests

Examples:
  docket plan plan.md --project web-shop --dry-run
  jq '[.[] | {description: .title}]' issues.json | docket plan - --project web-shop`,
    )
    .action(async (file: string, options: PlanOptions) => {
      const tasks = readPlan(await contentOf(shell, file), file);
      if (options.dryRun) {
        if (options.json) return printJson(shell, { tasks });
        shell.out(
          table(
            shell,
            [
              { head: "KEY", cell: ({ key }) => key },
              { head: "PART OF", cell: ({ parentKey, parentTaskId }) => parentKey ?? parentTaskId },
              { head: "AFTER", cell: ({ dependsOn }) => dependsOn?.join(", ") },
              { head: "TASK", cell: ({ title, description }) => title ?? description, shrinks: true },
            ],
            tasks,
          ),
        );
        return shell.out(`${count(tasks.length, "task")} would be added; nothing was.\n`);
      }
      const connected = connect(shell, options);
      const { addTasks } = await connected.change(AddPlan, {
        projectId: tasks.every(({ projectId }) => projectId) ? undefined : neededProject(connected),
        createProject: options.createProject,
        tasks,
      });
      if (options.json) return printJson(shell, addTasks);
      shell.out(
        table(
          shell,
          [
            { head: "TASK", cell: ({ projectId, taskId }) => `${projectId}/${taskId}` },
            {
              head: "",
              cell: ({ ready }) => (ready ? "ready" : "waits"),
              style: ({ ready }) => (ready ? "green" : "dim"),
            },
            { head: "TITLE", cell: titleOf, shrinks: true },
          ],
          addTasks.tasks,
        ),
      );
      shell.out(`Added ${count(addTasks.taskIds.length, "task")}.\n`);
    });
