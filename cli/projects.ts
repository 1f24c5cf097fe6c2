import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { allOf } from "./shell/pages.ts";
import type { Shell } from "./shell/shell.ts";
import { table } from "./shell/table.ts";
import { fromNow, plain } from "./shell/text.ts";

const ListedProjects = graphql(`
  query ListedProjects($archived: Boolean!, $after: String) {
    projects(archived: $archived, first: 100, after: $after) {
      nodes {
        projectId
        name
        idNamespace
        createdAt
        archivedAt
        pausedAt
        pausedUntil
        pauseReason
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

const CreateFromShell = graphql(`
  mutation CreateFromShell($input: CreateProjectInput!) {
    createProject(input: $input) {
      project {
        projectId
        name
        idNamespace
      }
    }
  }
`);

const PauseFromShell = graphql(`
  mutation PauseFromShell($input: PauseProjectInput!) {
    pauseProject(input: $input) {
      project {
        projectId
        pausedAt
        pausedUntil
        pauseReason
      }
    }
  }
`);

const ResumeFromShell = graphql(`
  mutation ResumeFromShell($input: ResumeProjectInput!) {
    resumeProject(input: $input) {
      project {
        projectId
        pausedAt
      }
    }
  }
`);

export function projectsCommand(shell: Shell): Command {
  const list = withJson(new Command("list"))
    .description("list the projects")
    .option("--archived", "those that were archived")
    .action(async (options: ServerOptions & { archived?: true }) => {
      const { request } = connect(shell, options);
      const archived = options.archived ?? false;
      const projects = await allOf(async (after) => (await request(ListedProjects, { archived, after })).projects);
      if (options.json) return printJson(shell, projects);
      if (projects.length === 0) return shell.out("No projects.\n");
      shell.out(
        table(
          shell,
          [
            { head: "PROJECT", cell: ({ projectId }) => projectId },
            { head: "IDS", cell: ({ idNamespace, projectId }) => (idNamespace === projectId ? "own" : idNamespace) },
            { head: "CREATED", cell: ({ createdAt }) => fromNow(shell, createdAt) },
            { head: "NAME", cell: ({ name }) => name, shrinks: true },
            {
              head: "",
              cell: ({ pausedAt, pauseReason }) =>
                pausedAt ? `paused${pauseReason ? `: ${plain(pauseReason)}` : ""}` : "",
              style: () => "yellow",
              shrinks: true,
            },
          ],
          projects,
        ),
      );
    });

  const create = withJson(new Command("create"))
    .description("make a project")
    .argument("<project>", "its ID: small letters, digits and dashes, like web-shop")
    .option("--name <text>", "as people call it; its ID by default")
    .option("--namespace <name>", "share the numbers of IDs with the projects of this namespace; own ones by default")
    .action(async (projectId: string, options: ServerOptions & { name?: string; namespace?: string }) => {
      const { change } = connect(shell, options, { asAdmin: true });
      const input = { projectId, name: options.name ?? projectId, idNamespace: options.namespace };
      const { createProject } = await change(CreateFromShell, input);
      if (options.json) return printJson(shell, createProject);
      shell.out(`Made ${createProject.project.projectId}.\n`);
    });

  const pause = withJson(new Command("pause"))
    .description("let nobody claim anything in a project; what is held goes on")
    .argument("<project>")
    .option("--reason <text>", "why, for those who find nothing to claim")
    .option("--until <instant>", "it resumes by itself then, like 2026-12-01T00:00:00Z")
    .action(async (projectId: string, options: ServerOptions & { reason?: string; until?: string }) => {
      const { change } = connect(shell, options, { asAdmin: true });
      const { pauseProject } = await change(PauseFromShell, {
        projectId,
        reason: options.reason,
        until: options.until,
      });
      if (options.json) return printJson(shell, pauseProject);
      shell.out(`Paused ${projectId}.\n`);
    });

  const resume = withJson(new Command("resume"))
    .description("let a paused project go on")
    .argument("<project>")
    .action(async (projectId: string, options: ServerOptions) => {
      const { change } = connect(shell, options, { asAdmin: true });
      const { resumeProject } = await change(ResumeFromShell, { projectId });
      if (options.json) return printJson(shell, resumeProject);
      shell.out(`Resumed ${projectId}.\n`);
    });

  return new Command("projects")
    .description("see, make, pause and resume projects")
    .addCommand(list, { isDefault: true })
    .addCommand(create)
    .addCommand(pause)
    .addCommand(resume)
    .addHelpText(
      "after",
      '\nExamples:\n  docket projects create web-shop --name "Web shop"\n  docket projects pause web-shop --reason "quota spent"',
    );
}
