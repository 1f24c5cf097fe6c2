import { z } from "zod";
import { ServerError } from "../../client/faults.ts";
import { graphql } from "../../client/gen/gql.ts";
import type { ListTasksQuery, TaskFilter } from "../../client/gen/graphql.ts";
import type { DataOf } from "../../client/request.ts";
import { type Cuts, fitItems, fits, fitTexts, LEAST_TEXT, shortMembers } from "../fit.ts";
import { cardOf, shortCard, statusSchema, taskCardSchema, toGraphQLStatus } from "../task-card.ts";
import { defineTool, projectsWithin } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const ListTasks = graphql(`
  query ListTasks(
    $filter: TaskFilter!
    $orderBy: TaskOrder!
    $first: Int!
    $after: String
    $counted: Boolean!
    $full: Boolean!
  ) {
    tasks(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      totalCount @include(if: $counted)
      edges {
        cursor
        node {
          task_id: taskId
          project_id: projectId
          status
          title
          priority
          labels
          claimed_by: claimedBy
          completed_at: completedAt
          due_date: dueDate
          description
          ...TaskCard @include(if: $full)
          completion_notes: completionNotes @include(if: $full)
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

/** A text longer than this is cut in a concise list, in characters. */
const CONCISE_TEXT = 160;
/**
 * Docket refuses a longer text, as every field that reads does. The tool's schema does not say so: function calling
 * knows no length.
 */
const LONGEST_SEARCH = 1_000;
/** An instant with its offset, a day, or a duration of ISO 8601. */
const MOMENT =
  /^(?:\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?|[+-]?P(?:\d+[YMWD])*(?:T(?:\d+[HMS])+)?)$/;
const READ_ON = "Texts that end in … are cut: get_task with task_id and project_id has them whole.";

const input = z.strictObject({
  project_id: z.string().optional(),
  project_ids: z.array(z.string()).max(100).optional(),
  all_projects: z.boolean().describe("Ignore the client's default project").optional(),
  status: statusSchema.optional(),
  text: z
    .string()
    .refine((text) => text.length <= LONGEST_SEARCH, `must have at most ${LONGEST_SEARCH} characters`)
    .optional(),
  labels: z.array(z.string()).max(20).describe("Any of these").optional(),
  due_before: z
    .string()
    .refine((given) => MOMENT.test(given), "must be an instant like 2026-03-01T09:00:00Z, or a duration like P7D")
    .describe("An instant, or P7D from now; open ones")
    .optional(),
  detail: z.enum(["concise", "full"]).default("concise"),
  limit: z.int().min(1).max(100).default(20),
  cursor: z.string().describe("next_cursor of the page before").optional(),
});

export const listTasks = defineTool({
  name: "list_tasks",
  title: "List tasks",
  description: "List tasks in queue order, or with due_before by due date.",
  input,
  output: z.object({
    total: z.number().optional(),
    next_cursor: z.string().optional(),
    tasks: z.array(taskCardSchema),
  }),
  example: { project_id: "my-project", status: "pending", limit: 20 },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ query, defaultProject }, args) {
    const projects = projectsWithin(defaultProject, args);
    const asked = {
      filter: filterOf(args, projects),
      orderBy: ORDERS[args.due_before === undefined ? "queue" : "due"],
      after: args.cursor,
      // Counting costs the server a second look at all matches; the first page's total is enough.
      counted: args.cursor === undefined,
      // Long texts that a concise list does not show are not read for it.
      full: args.detail === "full",
    };
    const tasks = await pageOf((first) => query(ListTasks, { ...asked, first }), args.limit);
    const edges = (tasks.edges ?? []).flatMap((edge) => (edge?.node ? [{ cursor: edge.cursor, task: edge.node }] : []));

    const answer = (shown: readonly (typeof edges)[number][], most: number) => {
      const more = tasks.pageInfo.hasNextPage || shown.length < edges.length;
      const sentences: string[] = [];
      const card = args.detail === "full" ? shortCard : concise;
      const cards = shown.map(({ task }) => card(task, most, { project_id: task.project_id, sentences }));
      return {
        ...withoutEmpties({ total: tasks.totalCount, next_cursor: more ? shown.at(-1)?.cursor : undefined }),
        ...(sentences.length > 0 && { read_on: READ_ON }),
        ...(more && { next: "list_tasks with next_cursor as cursor shows more." }),
        tasks: cards,
      };
    };
    const whole = fitTexts((most) => answer(edges, most));
    return fits(whole) ? whole : fitItems(edges, (shown) => answer(shown, LEAST_TEXT));
  },
});

type TasksPage = DataOf<ListTasksQuery>["tasks"];

/** The page, smaller where the tasks are so large that the server refuses so many at once. */
async function pageOf(ask: (first: number) => Promise<DataOf<ListTasksQuery>>, first: number): Promise<TasksPage> {
  try {
    return (await ask(first)).tasks;
  } catch (error) {
    if (first === 1 || !(error instanceof ServerError) || !error.is("QUERY_TOO_COMPLEX")) throw error;
    return pageOf(ask, Math.ceil(first / 4));
  }
}

const OPEN = { status: { ne: "COMPLETED" } } as const;
const ORDERS = {
  queue: { field: "QUEUE", direction: "ASC" },
  due: { field: "DUE_DATE", direction: "ASC" },
} as const;

function filterOf(
  { status, text, labels, due_before }: z.output<typeof input>,
  projects: string[] | undefined,
): TaskFilter {
  return {
    ...(projects !== undefined && { projects }),
    ...(status !== undefined && { status: { eq: toGraphQLStatus(status) } }),
    // What is completed is due no more, unless it is asked for.
    ...(due_before !== undefined && { dueDate: { lte: due_before }, ...(status === undefined && OPEN) }),
    ...(text !== undefined && { text }),
    ...(labels !== undefined && { labels: { in: labels } }),
  };
}

type ListedTask = NonNullable<NonNullable<NonNullable<TasksPage["edges"]>[number]>["node"]>;

/** What an overview needs of a task. */
function concise(task: ListedTask, most: number, cuts: Cuts) {
  const { task_id, project_id, status, ...shown } = cardOf(task);
  const { title, priority, due_date, labels, claimed_by, completed_at, description } = shown;
  const members = withoutEmpties({ title, priority, due_date, labels, claimed_by, completed_at, description });
  return { task_id, project_id, status, ...shortMembers(members, Math.min(most, CONCISE_TEXT), cuts) };
}
