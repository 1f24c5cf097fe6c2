import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { defineTool, projectOf } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const TakeId = graphql(`
  mutation TakeId($input: TakeIdInput!) {
    takeId(input: $input) {
      id
      lastAssigned
      reused
    }
  }
`);

export const getNextAvailableId = defineTool({
  name: "get_next_available_id",
  title: "Take one artifact ID",
  description: "Take the next artifact ID for good, like US-028. For several use reserve_id_range.",
  input: z.strictObject({
    artifact_type: z.string(),
    project_id: z.string().optional(),
  }),
  output: z.object({ id: z.string(), last_assigned: z.string().optional() }),
  example: { artifact_type: "US" },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run(context, args) {
    const { takeId } = await context.mutate(TakeId, {
      projectId: projectOf(context, args.project_id),
      artifactType: args.artifact_type.toUpperCase(),
      createProject: true,
    });
    const { id } = takeId;
    const note = takeId.reused
      ? `${id} lies below last_assigned because it is a number that came back and is reused. It is yours for good; a file that bears it already is an earlier owner's.`
      : undefined;
    return { id, ...withoutEmpties({ last_assigned: takeId.lastAssigned, note }) };
  },
});
