import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";
import { instant } from "../task.ts";
import { artifactType, newProject, projectId } from "../words.ts";

export const reserveIds = defineRoute({
  method: "POST",
  path: "/ids/reserve",
  summary: "Reserve consecutive artifact IDs",
  description: `Confirm them before expires_at, or they go back. ${newProject}`,
  body: z.strictObject({
    type: artifactType,
    count: z.int().default(1).describe("1 to 100."),
    project_id: projectId,
    ttl_seconds: z.int().nullish().describe("Until they expire unconfirmed: 1 to 604800; 900 by default."),
    task_id: z.string().nullish().describe("A task of the project that they are for."),
    branch_name: z.string().nullish().describe("The Git branch that they are for."),
  }),
  answer: z.object({
    reservation_id: z.string(),
    artifact_type: z.string(),
    reserved_ids: z.array(z.string()),
    expires_at: instant
      .nullable()
      .describe("null once it is confirmed: the answer to a repeated call tells of it as it is now."),
  }),
  document: graphql(`
    mutation RestReserveIds($input: ReserveIdsInput!) {
      reserveIds(input: $input) {
        reservedIds
        reservation {
          reservationId
          artifactType
          expiresAt
        }
      }
    }
  `),
  codes: ["PROJECT_NOT_FOUND", "PROJECT_ARCHIVED", "TASK_NOT_FOUND", "ID_SPACE_EXHAUSTED"],
  async run({ body }, ask) {
    const { reservedIds, reservation } = (
      await ask({
        input: {
          projectId: body.project_id,
          artifactType: body.type.toUpperCase(),
          count: body.count,
          ttlSeconds: body.ttl_seconds,
          taskId: body.task_id,
          branchName: body.branch_name,
          createProject: true,
        },
      })
    ).reserveIds;
    return {
      reservation_id: reservation.reservationId,
      artifact_type: reservation.artifactType,
      reserved_ids: reservedIds,
      expires_at: reservation.expiresAt,
    };
  },
});
