import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";
import { artifactType, newProject, projectId } from "../words.ts";

export const nextId = defineRoute({
  method: "GET",
  path: "/ids/next",
  summary: "Take the next artifact ID, for good",
  description: `Each call takes another ID: it is a GET because its clients know it so. With an Idempotency-Key asking again gives the same. ${newProject}`,
  query: z.strictObject({ type: artifactType, project: projectId }),
  answer: z.object({
    artifact_type: z.string(),
    next_id: z.string(),
    last_assigned: z.string().nullable().describe("The highest ID before this call; null if there was none."),
  }),
  document: graphql(`
    mutation RestNextId($input: TakeIdInput!) {
      takeId(input: $input) {
        id
        lastAssigned
      }
    }
  `),
  codes: ["PROJECT_NOT_FOUND", "PROJECT_ARCHIVED", "ID_SPACE_EXHAUSTED"],
  async run({ query }, ask) {
    const type = query.type.toUpperCase();
    const input = { projectId: query.project, artifactType: type, createProject: true };
    const { id, lastAssigned } = (await ask({ input })).takeId;
    return { artifact_type: type, next_id: id, last_assigned: lastAssigned };
  },
});
