import { Command, Option } from "commander";
import { upperCase } from "../client/enum-case.ts";
import { graphql } from "../client/gen/gql.ts";
import type { TaskFilter, TaskLineFragment, TaskStatus } from "../client/gen/graphql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { listed, whole } from "./shell/options.ts";
import { allOf } from "./shell/pages.ts";
import { projectsOf } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { type Column, table } from "./shell/table.ts";
import { titleOf } from "./shell/task-lines.ts";
import { count, inWords } from "./shell/text.ts";

graphql(`
  fragment TaskLine on Task {
    projectId
    taskId
    title
    description
    status
    kind
    priority
    labels
    claimedBy
    ready
    parkedAt
    dueDate
    updatedAt
  }
`);

const ListedTasks = graphql(`
  query ListedTasks($filter: TaskFilter, $first: Int!, $after: String) {
    tasks(filter: $filter, first: $first, after: $after) {
      totalCount
      nodes {
        ...TaskLine
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

interface TasksOptions extends ServerOptions {
  readonly status?: Lowercase<TaskStatus>;
  readonly label?: string[];
  readonly worker?: string;
  readonly text?: string;
  readonly ready?: true;
  readonly parked?: true;
  readonly limit: number;
}

const STATUSES: readonly Lowercase<TaskStatus>[] = ["pending", "in_progress", "completed"];

export const tasksCommand = (shell: Shell): Command =>
  withJson(new Command("tasks"))
    .description("list tasks in the order of their queues")
    .option("--project <names>", "all (the default), or names separated by commas")
    .addOption(new Option("--status <status>", "only those with this status").choices(STATUSES))
    .option("--label <label>", "only those with all of these labels (repeatable)", listed)
    .option("--worker <name>", "only those that this worker holds")
    .option("--text <words>", "only those with these words in them")
    .option("--ready", "only those that can be claimed now")
    .option("--parked", "only those that wait for a person to look at them")
    .option("--limit <number>", "at most so many", whole(1, 10_000), 50)
    .addHelpText(
      "after",
      `
Examples:
  docket tasks --project web-shop --ready
  docket tasks --status in_progress --json | jq -r '.tasks[].claimedBy'`,
    )
    .action(async (options: TasksOptions) => {
      const connected = connect(shell, options);
      const filter: TaskFilter = {
        projects: projectsOf(connected),
        ...(options.status && { status: { eq: upperCase(options.status) } }),
        ...(options.label && { labels: { all: options.label } }),
        ...(options.worker && { claimedBy: { eq: options.worker } }),
        ...(options.text && { text: options.text }),
        ...(options.ready && { ready: true }),
        ...(options.parked && { parked: true }),
      };
      let totalCount: number | null = null;
      const found = await allOf(async (after, first) => {
        const { tasks } = await connected.request(ListedTasks, { filter, first, after });
        totalCount = tasks.totalCount;
        return tasks;
      }, options.limit);
      if (options.json) return printJson(shell, { totalCount, tasks: found });
      if (found.length === 0) return shell.out("No tasks.\n");
      shell.out(table(shell, columnsFor(found), found));
      const more = (totalCount ?? 0) - found.length;
      if (more > 0) shell.out(`… and ${more} more: --limit ${Math.min(10_000, found.length + more)} shows them\n`);
      else shell.out(`${count(found.length, "task")}\n`);
    });

function columnsFor(found: readonly TaskLineFragment[]): Column<TaskLineFragment>[] {
  const several = new Set(found.map(({ projectId }) => projectId)).size > 1;
  return [
    { head: "TASK", cell: ({ projectId, taskId }) => (several ? `${projectId}/${taskId}` : taskId) },
    { head: "STATUS", cell: stateOf, style: styleOf },
    { head: "PRI", cell: ({ priority }) => priority, right: true },
    { head: "WORKER", cell: ({ claimedBy }) => claimedBy },
    { head: "TITLE", cell: titleOf, shrinks: true },
  ];
}

function stateOf({ status, parkedAt, ready }: TaskLineFragment): string {
  if (parkedAt !== null) return "parked";
  return ready && status === "PENDING" ? "ready" : inWords(status);
}

function styleOf({ status, parkedAt, ready }: TaskLineFragment) {
  if (parkedAt !== null) return "red";
  if (status === "IN_PROGRESS") return "yellow";
  return ready ? "green" : "dim";
}
