import { Command, Option } from "commander";
import { upperCase } from "../client/enum-case.ts";
import { graphql } from "../client/gen/gql.ts";
import type { DependencyKind } from "../client/gen/graphql.ts";
import { type Connected, connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { UsageFault } from "./shell/exit.ts";
import { listed } from "./shell/options.ts";
import { neededProject, projectOf } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { nameBeside, titleOf } from "./shell/task-lines.ts";
import { inWords, paint } from "./shell/text.ts";

const LinksOfTask = graphql(`
  query LinksOfTask($projectId: ID, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      ...LinkedTask
      ready
      blockedByHidden
      blockedBy(first: 100) {
        ...LinkedTask
      }
      blocks(first: 100) {
        ...LinkedTask
      }
      related(first: 100) {
        nodes {
          kind
          outgoing
          task {
            ...LinkedTask
          }
        }
      }
    }
  }
`);

const LinkTasks = graphql(`
  mutation LinkTasks($input: AddDependencyInput!) {
    addDependency(input: $input) {
      added
    }
  }
`);

const UnlinkTasks = graphql(`
  mutation UnlinkTasks($input: RemoveDependencyInput!) {
    removeDependency(input: $input) {
      removed
    }
  }
`);

interface DepsOptions extends ServerOptions {
  readonly add?: string[];
  readonly remove?: string[];
  readonly kind: Lowercase<DependencyKind>;
}

const KINDS: readonly Lowercase<DependencyKind>[] = ["blocks", "relates_to", "discovered_from", "duplicates"];

export const depsCommand = (shell: Shell): Command =>
  withJson(new Command("deps"))
    .description("show what a task waits for and what waits for it; add and remove such links")
    .argument("<task>", "like TASK-046")
    .option("--project <name>", "its project")
    .option("--add <task>", "it waits for this one too, like TASK-003 or api/TASK-003 (repeatable)", listed)
    .option("--remove <task>", "it waits for this one no more (repeatable)", listed)
    .addOption(
      new Option("--kind <kind>", "how they are linked, with --add and --remove").choices(KINDS).default("blocks"),
    )
    .addHelpText("after", "\nExample:\n  docket deps TASK-046 --project web-shop --add api/TASK-007")
    .action(async (taskId: string, options: DepsOptions) => {
      const connected = connect(shell, options);
      const linkTo = (other: string) => ({
        projectId: neededProject(connected),
        taskId,
        dependsOn: keyOf(other),
        kind: upperCase(options.kind),
      });
      for (const other of options.add ?? []) await connected.change(LinkTasks, linkTo(other));
      for (const other of options.remove ?? []) await connected.change(UnlinkTasks, linkTo(other));
      await show(shell, connected, taskId, options);
    });

/** `api/TASK-007`, or `TASK-007` of the same project. */
function keyOf(name: string): { projectId?: string; taskId: string } {
  const [first = "", second, ...more] = name.split("/");
  if (more.length > 0 || first === "" || second === "")
    throw new UsageFault(`${name}: write TASK-003 or project/TASK-003.`);
  return second === undefined ? { taskId: first } : { projectId: first, taskId: second };
}

async function show(shell: Shell, connected: Connected, taskId: string, options: DepsOptions): Promise<void> {
  const { task } = await connected.request(LinksOfTask, { projectId: projectOf(connected), taskId });
  if (options.json) return printJson(shell, task);
  const line = (other: (typeof task.blocks)[number], said = "") => {
    const style = other.status === "COMPLETED" ? "green" : "yellow";
    return `  ${nameBeside(task, other)}  ${paint(shell, style, inWords(other.status))}  ${said}${titleOf(other)}\n`;
  };
  const section = (head: string, lines: readonly string[]) => {
    if (lines.length > 0) shell.out(`${paint(shell, "bold", head)}\n${lines.join("")}`);
  };
  shell.out(line(task).slice(2));
  section("waits for", [
    ...task.blockedBy.map((other) => line(other)),
    ...(task.blockedByHidden ? ["  a task that this key does not see\n"] : []),
  ]);
  section(
    "is waited for by",
    task.blocks.map((other) => line(other)),
  );
  section(
    "other links",
    task.related.nodes
      .filter(({ kind }) => kind !== "BLOCKS")
      .map(({ kind, outgoing, task: other }) => line(other, `${outgoing ? "" : "from there: "}${inWords(kind)}: `)),
  );
  if (task.blockedBy.length + task.blocks.length + task.related.nodes.length === 0)
    shell.out("Nothing is linked to it.\n");
}
