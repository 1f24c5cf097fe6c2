import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { defineTool, projectOf } from "../../tool.ts";
import { configurationCard, configurationSchema } from "../../tracking-cards.ts";

const GetProjectConfiguration = graphql(`
  query GetProjectConfiguration($projectId: ID!) {
    projectConfiguration(projectId: $projectId) {
      ...ConfigurationCard
    }
  }
`);

export const getProjectConfiguration = defineTool({
  name: "get_project_configuration",
  title: "Read the configuration",
  description: "See what the clients of a project agree on: the sort of work, the session, the Git branch and commit.",
  input: z.strictObject({ project_id: z.string().optional() }),
  output: configurationSchema,
  example: { project_id: "my-project" },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { project_id }) {
    const projectId = projectOf(context, project_id);
    const { projectConfiguration } = await context.query(GetProjectConfiguration, { projectId });
    return configurationCard(projectConfiguration);
  },
});
