import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { answered, defineTool, projectOf } from "../tool.ts";

const ReserveIds = graphql(`
  mutation ReserveIds($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
        expiresAt
      }
    }
  }
`);

export const reserveIdRange = defineTool({
  name: "reserve_id_range",
  title: "Reserve artifact IDs",
  description:
    "Reserve consecutive artifact IDs that nobody else can get. Call confirm_reservation once in use; unconfirmed ones go back at expires_at.",
  input: z.strictObject({
    artifact_type: z.string().describe("Like US"),
    count: z.int().min(1).max(100),
    ttl_seconds: z.int().min(1).max(604_800).optional(),
    project_id: z.string().optional(),
  }),
  output: z.object({
    reservation_id: z.string(),
    reserved_ids: z.array(z.string()),
    expires_at: z.string(),
  }),
  example: { artifact_type: "US", count: 6 },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run(context, args) {
    const { reserveIds } = await context.mutate(ReserveIds, {
      projectId: projectOf(context, args.project_id),
      artifactType: args.artifact_type.toUpperCase(),
      count: args.count,
      ttlSeconds: args.ttl_seconds,
      createProject: true,
    });
    const { reservationId, expiresAt } = reserveIds.reservation;
    const expires_at = answered(expiresAt, "an expiry");
    return {
      reservation_id: reservationId,
      reserved_ids: reserveIds.reservedIds,
      expires_at,
      next: `Write what bears these IDs, then confirm_reservation until ${expires_at}.`,
    };
  },
});
