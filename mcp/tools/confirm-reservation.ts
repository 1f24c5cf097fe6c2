import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { answered, defineTool } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const ConfirmReservation = graphql(`
  mutation ConfirmReservation($input: ConfirmReservationInput!) {
    confirmReservation(input: $input) {
      reservation {
        reservationId
        ids
      }
      released
    }
  }
`);

export const confirmReservation = defineTool({
  name: "confirm_reservation",
  title: "Confirm reserved IDs",
  description: "Keep reserved IDs for good. With `ids`, keep only those and give the rest back.",
  input: z.strictObject({
    reservation_id: z.string(),
    ids: z.array(z.string()).min(1).max(100).optional(),
  }),
  output: z.object({
    reservation_id: z.string(),
    confirmed_ids: z.array(z.string()),
    released_ids: z.array(z.string()).optional(),
  }),
  example: { reservation_id: "b0a5f3a0-6f0e-4c7b-9b57-0d5c4c6f2f11" },
  // Confirming a part gives the rest back, which cannot be taken back.
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run({ mutate }, args) {
    const { confirmReservation: answer } = await mutate(ConfirmReservation, {
      reservationId: args.reservation_id,
      ids: args.ids,
    });
    const { reservationId, ids } = answered(answer.reservation, "a reservation");
    return {
      reservation_id: reservationId,
      confirmed_ids: ids,
      ...withoutEmpties({ released_ids: answer.released }),
    };
  },
});
