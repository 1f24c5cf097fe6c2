import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { defineTool, projectOf } from "../../tool.ts";

const RecordDeployment = graphql(`
  mutation RecordDeployment($input: RecordDeploymentInput!) {
    recordDeployment(input: $input) {
      deployment {
        id: deploymentId
        deployed_at: deployedAt
        created_at: createdAt
        created_by: createdBy
      }
    }
  }
`);

const count = z.int().min(0).max(2_147_483_647).optional();
const names = z.array(z.string()).max(1_000).optional();

export const recordDeployment = defineTool({
  name: "record_deployment",
  title: "Record a deployment",
  description:
    "Record what went out: a commit with its pull request, for which vendors (names) and work items (task IDs). It is never changed afterwards.",
  input: z.strictObject({
    commit_hash: z.string().describe("40 lowercase hex characters"),
    pr_number: z.int().min(1).max(2_147_483_647),
    pr_title: z.string(),
    test_summary: z.looseObject({ unit: count, integration: count }).describe("Counts by kind of test"),
    constitutional_compliance: z.boolean(),
    vendors: names,
    work_items: names,
    deployed_at: z.string().describe("Now unless given").optional(),
    project_id: z.string().optional(),
  }),
  output: z.object({ id: z.string(), deployed_at: z.string(), created_at: z.string(), created_by: z.string() }),
  example: {
    ...{ commit_hash: "0123456789abcdef0123456789abcdef01234567", pr_number: 100, pr_title: "Read images" },
    ...{ test_summary: { unit: 12 }, constitutional_compliance: true, vendors: ["Acme"], work_items: ["TASK-001"] },
  },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run(context, args) {
    const { recordDeployment } = await context.mutate(RecordDeployment, {
      projectId: projectOf(context, args.project_id),
      commitHash: args.commit_hash,
      prNumber: args.pr_number,
      prTitle: args.pr_title,
      testSummary: args.test_summary,
      constitutionalCompliance: args.constitutional_compliance,
      vendors: args.vendors,
      tasks: args.work_items,
      deployedAt: args.deployed_at,
      createdBy: context.clientName,
    });
    return recordDeployment.deployment;
  },
});
