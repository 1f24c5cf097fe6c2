import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import type { Shell } from "./shell/shell.ts";

const ConfirmFromShell = graphql(`
  mutation ConfirmFromShell($input: ConfirmReservationInput!) {
    confirmReservation(input: $input) {
      released
      reservation {
        reservationId
        ids
        status
      }
    }
  }
`);

export const confirmCommand = (shell: Shell): Command =>
  withJson(new Command("confirm"))
    .description("keep reserved IDs for good")
    .argument("<reservation>", "as `docket reserve` printed it")
    .argument("[ids...]", "only these; the others are given back")
    .addHelpText("after", "\nExample:\n  docket confirm 0f8fad5b-d9cb-469f-a165-70867728950e US-028 US-029")
    .action(async (reservationId: string, ids: string[], options: ServerOptions) => {
      const { change } = connect(shell, options);
      const input = { reservationId, ids: ids.length > 0 ? ids : undefined };
      const { confirmReservation } = await change(ConfirmFromShell, input);
      if (options.json) return printJson(shell, confirmReservation);
      const { released, reservation } = confirmReservation;
      shell.out(`Confirmed ${reservation.ids.join(" ")}\n`);
      if (released.length > 0) shell.out(`Gave back ${released.join(" ")}\n`);
    });
