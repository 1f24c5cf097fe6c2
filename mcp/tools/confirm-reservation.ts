import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { CallFault, defineTool, type ToolContext } from "../tool.ts";
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

const ExtendReservation = graphql(`
  mutation ExtendReservation($input: ExtendReservationInput!) {
    extendReservation(input: $input) {
      reservation {
        reservationId
        ids
        expiresAt
      }
    }
  }
`);

export const confirmReservation = defineTool({
  name: "confirm_reservation",
  title: "Confirm reserved IDs",
  description:
    "Keep reserved IDs for good; with ids, only those, and give the rest back. With extend_seconds, only hold them longer.",
  input: z.strictObject({
    reservation_id: z.string(),
    ids: z.array(z.string()).min(1).max(100).optional(),
    extend_seconds: z.int().min(1).max(604_800).optional(),
  }),
  output: z.object({
    reservation_id: z.string(),
    confirmed_ids: z.array(z.string()).optional(),
    released_ids: z.array(z.string()).optional(),
    expires_at: z.string().optional(),
  }),
  example: { reservation_id: "b0a5f3a0-6f0e-4c7b-9b57-0d5c4c6f2f11" },
  // Confirming a part gives the rest back, which cannot be taken back.
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run(context, { reservation_id, ids, extend_seconds }) {
    if (extend_seconds === undefined) return confirm(context, reservation_id, ids);
    if (ids === undefined) return extend(context, reservation_id, extend_seconds);
    throw new CallFault("Pass ids or extend_seconds, not both: extending confirms nothing and gives nothing back.");
  },
});

async function confirm({ mutate }: ToolContext, reservationId: string, ids: string[] | undefined) {
  const { confirmReservation: answer } = await mutate(ConfirmReservation, { reservationId, ids });
  const confirmed = answer.reservation;
  return {
    reservation_id: confirmed.reservationId,
    confirmed_ids: confirmed.ids,
    ...withoutEmpties({ released_ids: answer.released }),
  };
}

async function extend({ mutate }: ToolContext, reservationId: string, ttlSeconds: number) {
  const { extendReservation } = await mutate(ExtendReservation, { reservationId, ttlSeconds });
  const { ids, expiresAt, ...extended } = extendReservation.reservation;
  // A confirmed reservation has no expiry: its IDs are kept anyway.
  return {
    reservation_id: extended.reservationId,
    ...(expiresAt == null
      ? { confirmed_ids: ids }
      : { expires_at: expiresAt, next: `confirm_reservation until ${expiresAt} keeps them for good.` }),
  };
}
