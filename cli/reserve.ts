import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { seconds, whole } from "./shell/options.ts";
import { neededProject } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { fromNow } from "./shell/text.ts";

const ReserveFromShell = graphql(`
  mutation ReserveFromShell($input: ReserveIdsInput!) {
    reserveIds(input: $input) {
      reservedIds
      reservation {
        reservationId
        expiresAt
      }
    }
  }
`);

interface ReserveOptions extends ServerOptions {
  readonly ttl?: number;
  readonly branch?: string;
  readonly task?: string;
  readonly createProject?: true;
}

export const reserveCommand = (shell: Shell): Command =>
  withJson(new Command("reserve"))
    .description("reserve artifact IDs that nobody else gets; confirm them before they expire")
    .argument("<type>", "like US, SPEC or ADR")
    .argument("[count]", "how many, 1 to 100", whole(1, 100), 1)
    .option("--project <name>", "its project")
    .option("--ttl <span>", "for how long, like 1h; 15 minutes by default", seconds)
    .option("--branch <name>", "the branch they are for")
    .option("--task <task>", "the task they are for")
    .option("--create-project", "make the project where there is none of that name")
    .addHelpText("after", "\nExample:\n  docket reserve US 6 --project web-shop\n  docket confirm RESERVATION")
    .action(async (artifactType: string, count: number, options: ReserveOptions) => {
      const connected = connect(shell, options);
      const { reserveIds } = await connected.change(ReserveFromShell, {
        projectId: neededProject(connected),
        artifactType,
        count,
        ttlSeconds: options.ttl,
        branchName: options.branch,
        taskId: options.task,
        createProject: options.createProject,
      });
      if (options.json) return printJson(shell, reserveIds);
      const { reservationId, expiresAt } = reserveIds.reservation;
      shell.out(`${reserveIds.reservedIds.join(" ")}\n`);
      shell.err(
        `They are yours until ${expiresAt} (${expiresAt ? fromNow(shell, expiresAt) : ""}): docket confirm ${reservationId}\n`,
      );
    });
