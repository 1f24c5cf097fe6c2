import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";

export const deleteExpired = defineRoute({
  method: "DELETE",
  path: "/ids/reservations/expired",
  summary: "End reservations that have expired",
  description:
    "Their IDs go back, as they do by themselves: the job reservations sees to it within moments, and so does the next call that takes such IDs. What they ended before is not counted.",
  query: z.strictObject({
    project: z.string().optional().describe("Default: every project that the key sees."),
  }),
  answer: z.object({ deleted_count: z.int() }),
  document: graphql(`
    mutation RestDeleteExpired($input: ReleaseExpiredReservationsInput!) {
      releaseExpiredReservations(input: $input) {
        count
      }
    }
  `),
  codes: ["PROJECT_NOT_FOUND"],
  async run({ query }, ask) {
    const { releaseExpiredReservations } = await ask({ input: { projectId: query.project } });
    return { deleted_count: releaseExpiredReservations.count };
  },
});
