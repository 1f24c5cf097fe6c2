import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { fitItems } from "../../fit.ts";
import { statusSchema, toGraphQLStatus } from "../../task-card.ts";
import { defineTool, projectOf } from "../../tool.ts";
import { itemType, madeSchema, toKind, workItem } from "../../tracking-cards.ts";
import { withoutEmpties } from "../../without-empties.ts";

const ListWorkItems = graphql(`
  query ListWorkItems($filter: TaskFilter!, $first: Int!, $after: String, $counted: Boolean!) {
    tasks(filter: $filter, first: $first, after: $after) {
      totalCount @include(if: $counted)
      edges {
        cursor
        node {
          ...WorkItemCard
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);

export const listWorkItems = defineTool({
  name: "list_work_items",
  title: "List work items",
  description: "Look at the work items of a project, in queue order: of one type, of a status, or below a parent.",
  input: z.strictObject({
    item_type: itemType.optional(),
    status: statusSchema.optional(),
    parent_id: z.string().describe("The task whose children are asked for").optional(),
    project_id: z.string().optional(),
    limit: z.int().min(1).max(100).default(20),
    cursor: z.string().describe("next_cursor of the page before").optional(),
  }),
  output: z.object({ total: z.number().optional(), next_cursor: z.string().optional(), items: z.array(madeSchema) }),
  example: { item_type: "session", status: "in_progress", limit: 20 },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { item_type, status, parent_id, project_id, limit, cursor }) {
    const { tasks } = await context.query(ListWorkItems, {
      filter: {
        projects: [projectOf(context, project_id)],
        ...(item_type !== undefined && { kind: { eq: toKind(item_type) } }),
        ...(status !== undefined && { status: { eq: toGraphQLStatus(status) } }),
        ...(parent_id !== undefined && { parent: { eq: parent_id } }),
      },
      first: limit,
      after: cursor,
      // The first page's total is enough.
      counted: cursor === undefined,
    });
    const edges = (tasks.edges ?? []).flatMap((edge) => (edge?.node ? [{ cursor: edge.cursor, item: edge.node }] : []));
    return fitItems(edges, (shown) => {
      const more = tasks.pageInfo.hasNextPage || shown.length < edges.length;
      return {
        ...withoutEmpties({ total: tasks.totalCount, next_cursor: more ? shown.at(-1)?.cursor : undefined }),
        ...(more && { next: "list_work_items with next_cursor as cursor shows more." }),
        items: shown.map(({ item }) => workItem(item)),
      };
    });
  },
});
