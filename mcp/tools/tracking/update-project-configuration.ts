import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { defineTool, projectOf } from "../../tool.ts";
import { configurationCard, configurationSchema, contextType, toContextType } from "../../tracking-cards.ts";

const UpdateProjectConfiguration = graphql(`
  mutation UpdateProjectConfiguration($input: UpdateProjectConfigurationInput!) {
    updateProjectConfiguration(input: $input) {
      configuration {
        ...ConfigurationCard
      }
    }
  }
`);

export const updateProjectConfiguration = defineTool({
  name: "update_project_configuration",
  title: "Change the configuration",
  description:
    "Change what the clients of a project agree on if its version is still the one you read. What is left out stays.",
  input: z.strictObject({
    version: z.int().min(1).max(2_147_483_647).describe("As you read it"),
    active_context_type: contextType.optional(),
    current_session: z.string().optional(),
    git_branch: z.string().optional(),
    git_head_commit: z.string().describe("40 lowercase hex characters").optional(),
    default_token_budget: z.int().min(1_000).max(1_000_000).optional(),
    project_id: z.string().optional(),
  }),
  output: configurationSchema,
  example: { version: 1, active_context_type: "maintenance", git_branch: "main" },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { version, active_context_type, project_id, ...given }) {
    const { updateProjectConfiguration } = await context.mutate(UpdateProjectConfiguration, {
      projectId: projectOf(context, project_id),
      expectedVersion: version,
      ...(active_context_type !== undefined && { activeContextType: toContextType(active_context_type) }),
      currentSession: given.current_session,
      gitBranch: given.git_branch,
      gitHeadCommit: given.git_head_commit,
      defaultTokenBudget: given.default_token_budget,
      updatedBy: context.clientName,
    });
    return configurationCard(updateProjectConfiguration.configuration);
  },
});
