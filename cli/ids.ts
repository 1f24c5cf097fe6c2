import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { neededProject } from "./shell/projects.ts";
import type { Shell } from "./shell/shell.ts";
import { table } from "./shell/table.ts";
import { fromNow } from "./shell/text.ts";

const IdsOfProject = graphql(`
  query IdsOfProject($projectId: ID!) {
    idRegistry(projectId: $projectId, first: 100) {
      artifactType
      namespace
      lastAssigned
      nextAvailable
      released
    }
    reservations(
      filter: { projects: [$projectId], status: { eq: ACTIVE } }
      orderBy: { field: EXPIRES_AT, direction: ASC }
      first: 50
    ) {
      totalCount
      nodes {
        reservationId
        ids
        expiresAt
        branchName
        taskId
      }
    }
  }
`);

const TakeOneId = graphql(`
  mutation TakeOneId($input: TakeIdInput!) {
    takeId(input: $input) {
      id
      lastAssigned
      reused
    }
  }
`);

const RegisterFromShell = graphql(`
  mutation RegisterFromShell($input: RegisterIdsInput!) {
    registerIds(input: $input) {
      registered
      alreadyRegistered
    }
  }
`);

export function idsCommand(shell: Shell): Command {
  const list = withJson(new Command("list"))
    .description("show the IDs that were assigned of each type, and the open reservations")
    .option("--project <name>", "its project")
    .action(async (options: ServerOptions) => {
      const connected = connect(shell, options);
      const { idRegistry, reservations } = await connected.request(IdsOfProject, {
        projectId: neededProject(connected),
      });
      if (options.json) return printJson(shell, { idRegistry, reservations: reservations.nodes });
      // Every type may be used; those that never were would only fill the screen.
      const assigned = idRegistry.filter(({ lastAssigned }) => lastAssigned !== null);
      shell.out(
        table(
          shell,
          [
            { head: "TYPE", cell: ({ artifactType }) => artifactType },
            { head: "LAST", cell: ({ lastAssigned }) => lastAssigned ?? "–" },
            { head: "NEXT", cell: ({ nextAvailable }) => nextAvailable ?? "–" },
            { head: "FREE AGAIN", cell: ({ released }) => released.join(" "), shrinks: true },
          ],
          assigned.length > 0 ? assigned : idRegistry,
        ),
      );
      if (reservations.nodes.length === 0) return;
      shell.out(
        `\n${table(
          shell,
          [
            { head: "RESERVED", cell: ({ ids }) => ids.join(" "), shrinks: true },
            { head: "EXPIRES", cell: ({ expiresAt }) => expiresAt && fromNow(shell, expiresAt) },
            { head: "RESERVATION", cell: ({ reservationId }) => reservationId },
          ],
          reservations.nodes,
        )}`,
      );
    });

  const take = withJson(new Command("take"))
    .description("take the next ID of a type for good, at once")
    .argument("<type>", "like US, SPEC or ADR")
    .option("--project <name>", "its project")
    .option("--create-project", "make the project where there is none of that name")
    .action(async (artifactType: string, options: ServerOptions & { createProject?: true }) => {
      const connected = connect(shell, options);
      const input = { projectId: neededProject(connected), artifactType, createProject: options.createProject };
      const { takeId } = await connected.change(TakeOneId, input);
      if (options.json) return printJson(shell, takeId);
      shell.out(`${takeId.id}\n`);
    });

  const register = withJson(new Command("register"))
    .description("record IDs that a repository uses already, so that they are never given again")
    .argument("<ids...>", "like US-001 US-002")
    .option("--project <name>", "its project")
    .action(async (ids: string[], options: ServerOptions) => {
      const connected = connect(shell, options);
      const { registerIds } = await connected.change(RegisterFromShell, { projectId: neededProject(connected), ids });
      if (options.json) return printJson(shell, registerIds);
      const { registered, alreadyRegistered } = registerIds;
      if (registered.length > 0) shell.out(`Registered ${registered.join(" ")}\n`);
      if (alreadyRegistered.length > 0) shell.out(`Known before ${alreadyRegistered.join(" ")}\n`);
    });

  return new Command("ids")
    .description("see, take and register artifact IDs")
    .addCommand(list, { isDefault: true })
    .addCommand(take)
    .addCommand(register)
    .addHelpText("after", "\nExamples:\n  docket ids --project web-shop\n  docket ids take ADR --project web-shop");
}
