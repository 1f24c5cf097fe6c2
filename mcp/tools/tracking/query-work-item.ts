import { z } from "zod";
import { lowerCase } from "../../../client/enum-case.ts";
import { graphql } from "../../../client/gen/gql.ts";
import { fitItems, fits, fitTexts, LEAST_TEXT, shortMembers } from "../../fit.ts";
import { defineTool } from "../../tool.ts";
import { asItem, madeSchema, workItem } from "../../tracking-cards.ts";
import { withoutEmpties } from "../../without-empties.ts";

const QueryWorkItem = graphql(`
  query QueryWorkItem($projectId: ID, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      ...WorkItemCard
      description
      metadata
      ancestors {
        id: taskId
        kind
        status
        title
      }
      subtree {
        id: taskId
        kind
        status
        title
        parent_id: parentTaskId
        depth
      }
      blocked_by: blockedBy(first: 20) {
        id: taskId
        project_id: projectId
        status
      }
      blocks(first: 20) {
        id: taskId
        project_id: projectId
        status
      }
      deployments(first: 10) {
        nodes {
          id: deploymentId
          deployed_at: deployedAt
          pr_number: prNumber
        }
      }
    }
  }
`);

export const queryWorkItem = defineTool({
  name: "query_work_item",
  title: "Read a work item",
  description:
    "See one work item with its whole hierarchy: those above it, nearest first, and all below it, each before its children. Also what it waits for, what waits for it, and its deployments.",
  input: z.strictObject({ id: z.string().describe("The task's, like TASK-001"), project_id: z.string().optional() }),
  output: madeSchema.extend({ below: z.array(z.object({ id: z.string() })).optional() }),
  example: { id: "TASK-001", project_id: "my-project" },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ query, session, defaultProject }, { id, project_id }) {
    const held = session?.find(id, project_id, defaultProject);
    const projectId = project_id ?? held?.projectId ?? defaultProject;
    const { task } = await query(QueryWorkItem, { projectId, taskId: id });
    const { ancestors, subtree, blocked_by, blocks, deployments, description, metadata, ...card } = task;
    const below = subtree.slice(1).map((item) => withoutEmpties(asItem(item)));
    const links = {
      ancestors: ancestors.map((item) => withoutEmpties(asItem(item))),
      blocked_by: blocked_by.map(linked),
      blocks: blocks.map(linked),
      deployments: (deployments.nodes ?? []).flatMap((node) => node ?? []),
    };
    const build = (shown: typeof below, most: number) => {
      const cuts = { project_id: card.project_id, sentences: [] as string[] };
      const texts = shortMembers(withoutEmpties({ description, metadata }), most, cuts);
      const left = below.length - shown.length;
      return {
        ...workItem(card),
        ...withoutEmpties({ read_on: cuts.sentences, ...texts, ...links }),
        ...(left > 0 && { next: `${left} more lie below it: query_work_item of one of these shows its own.` }),
        below: shown.map((item) => ({ id: item.id ?? "", ...item })),
      };
    };
    const whole = fitTexts((most) => build(below, most));
    return fits(whole) ? whole : fitItems(below, (shown) => build([...shown], LEAST_TEXT));
  },
});

const linked = <Link extends { readonly status: string }>({ status, ...rest }: Link) => ({
  ...rest,
  status: lowerCase(status),
});
