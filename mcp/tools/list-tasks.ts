import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import type { TaskFilter } from "../../client/gen/graphql.ts";
import { cardOf, fromGraphQLStatus, statusSchema, taskCardSchema, toGraphQLStatus } from "../task-card.ts";
import { defineTool, projectWithin } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const ListTasks = graphql(`
  query ListTasks($filter: TaskFilter!, $first: Int!, $after: String, $counted: Boolean!) {
    tasks(filter: $filter, first: $first, after: $after) {
      totalCount @include(if: $counted)
      nodes {
        ...TaskCard
        completed_at: completedAt
        completion_notes: completionNotes
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

/** A description longer than this is cut in a concise list, in characters. */
const CONCISE_TEXT = 160;

const input = z.strictObject({
  project_id: z.string().optional(),
  all_projects: z.boolean().default(false).describe("Ignore the client's default project"),
  status: statusSchema.optional(),
  text: z.string().optional(),
  labels: z.array(z.string()).max(20).describe("Any of these").optional(),
  detail: z.enum(["concise", "full"]).default("concise"),
  limit: z.int().min(1).max(100).default(20),
  cursor: z.string().describe("next_cursor of the page before").optional(),
});

export const listTasks = defineTool({
  name: "list_tasks",
  title: "List tasks",
  description: "Look at tasks in queue order, of one project or, without any project, of all. Changes nothing.",
  input,
  output: z.object({
    tasks: z.array(taskCardSchema),
    total: z.number().optional(),
    next_cursor: z.string().optional(),
  }),
  example: { project_id: "my-project", status: "pending", limit: 20 },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ query, defaultProject }, args) {
    const project = projectWithin(defaultProject, args);
    const { tasks } = await query(ListTasks, {
      filter: filterOf(args, project),
      first: args.limit,
      after: args.cursor,
      // Counting costs the server a second look at all matches; the first page's total is enough.
      counted: args.cursor === undefined,
    });
    const cards = (tasks.nodes ?? []).filter((task) => task !== null);
    const next = tasks.pageInfo.hasNextPage ? tasks.pageInfo.endCursor : undefined;
    return {
      tasks: cards.map(args.detail === "full" ? cardOf : concise),
      ...withoutEmpties({ total: tasks.totalCount, next_cursor: next }),
    };
  },
});

function filterOf({ status, text, labels }: z.output<typeof input>, project: string | undefined): TaskFilter {
  return {
    ...(project !== undefined && { projects: [project] }),
    ...(status !== undefined && { status: { eq: toGraphQLStatus(status) } }),
    ...(text !== undefined && { text }),
    ...(labels !== undefined && { labels: { in: labels } }),
  };
}

function concise(task: Parameters<typeof cardOf>[0] & { completed_at: string | null }) {
  const text = task.title ?? task.description;
  return {
    task_id: task.task_id,
    project_id: task.project_id,
    status: fromGraphQLStatus(task.status),
    description: text.length > CONCISE_TEXT ? `${text.slice(0, CONCISE_TEXT)}…` : text,
    priority: task.priority,
    ...withoutEmpties({ labels: task.labels, claimed_by: task.claimed_by, completed_at: task.completed_at }),
  };
}
