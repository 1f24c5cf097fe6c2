import { GraphQLError } from "graphql";
import { z } from "zod";
import { upperCase } from "../../../../client/enum-case.ts";
import { graphql } from "../../../../client/gen/gql.ts";
import { LARGEST_ANSWER_BYTES } from "../../../db/too-much.ts";
import { defineRoute } from "../route.ts";
import { type RestTask, statusSchema, taskOf, taskSchema } from "../task.ts";
import { projectId } from "../words.ts";

/** Tasks that are asked for at once. */
const LARGEST_PAGE = 100;

export const listTasks = defineRoute({
  method: "GET",
  path: "/tasks",
  summary: "List the tasks of a project",
  description:
    "All of them, as claims take them, unless limit says how many. There are more where next_cursor is answered: send it as cursor. An answer ends after 16 MB, with truncated: true.",
  query: z.strictObject({
    project: projectId,
    status: statusSchema.optional(),
    limit: z.int().min(1).max(1_000_000).optional(),
    cursor: z.string().optional().describe("next_cursor of the answer before."),
  }),
  answer: z.object({
    tasks: z.array(taskSchema),
    count: z.int().describe("How many are answered."),
    total: z.int().describe("How many there are."),
    truncated: z.boolean().optional(),
    next_cursor: z.string().optional(),
  }),
  document: graphql(`
    query RestListTasks($filter: TaskFilter!, $first: Int!, $after: String, $counted: Boolean!) {
      tasks(filter: $filter, first: $first, after: $after) {
        totalCount @include(if: $counted)
        edges {
          cursor
          node {
            ...RestTask
          }
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  `),
  codes: ["PROJECT_NOT_FOUND", "QUERY_TOO_COMPLEX"],
  async run({ query: { project, status, limit = Number.POSITIVE_INFINITY, cursor } }, ask) {
    const filter = { projects: [project], ...(status && { status: { eq: upperCase(status) } }) };
    const tasks: RestTask[] = [];
    let bytes = 0;
    let last = cursor;
    let total: number | undefined;
    let size = LARGEST_PAGE;
    for (;;) {
      const first = Math.min(size, limit - tasks.length);
      const page = await ask({ filter, first, after: last, counted: total === undefined }).catch((error: unknown) => {
        if (first === 1 || !isTooLarge(error)) throw error;
        return null;
      });
      if (page === null) {
        size = Math.ceil(first / 4);
        continue;
      }
      const { edges, pageInfo, totalCount } = page.tasks;
      total ??= totalCount ?? 0;
      for (const edge of edges ?? []) {
        if (!edge?.node) continue;
        const task = taskOf(edge.node);
        bytes += Buffer.byteLength(JSON.stringify(task)) + 1;
        if (bytes > LARGEST_ANSWER_BYTES && tasks.length > 0)
          return { ...answerOf(tasks, total), truncated: true, next_cursor: last };
        tasks.push(task);
        last = edge.cursor;
      }
      if (!pageInfo.hasNextPage) return answerOf(tasks, total);
      if (tasks.length >= limit) return { ...answerOf(tasks, total), next_cursor: last };
    }
  },
});

const answerOf = (tasks: readonly RestTask[], total: number) => ({
  tasks: [...tasks],
  count: tasks.length,
  total,
});

/** Whether fewer of these tasks would be answered: what takes too long would do so again. */
const isTooLarge = (error: unknown) => error instanceof GraphQLError && "limitBytes" in error.extensions;
