import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { chooseServer } from "../client/node/choose-server.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import type { Shell } from "./shell/shell.ts";
import { facts } from "./shell/table.ts";
import { inWords, plain } from "./shell/text.ts";

const WhoAmI = graphql(`
  query WhoAmI {
    viewer {
      name
      actor
      role
      projectIds
      expiresAt
    }
  }
`);

export const whoamiCommand = (shell: Shell): Command =>
  withJson(new Command("whoami"))
    .description("say which server, key and project a command would use here, where each was taken from, and as whom")
    .addHelpText(
      "after",
      `
The first of these that says anything counts: the flag, the environment, the repository's .docket.json
({"server": "…", "project": "…"}; never a key), what \`docket login\` kept, the server started in this folder.

Example:
  docket whoami --json | jq -r .key.from`,
    )
    .action(async (options: ServerOptions) => {
      const { url, key, project } = chooseServer({ env: shell.env, cwd: shell.cwd, ...options });
      const choice = { server: url, key: key && { from: key.from }, project: project ?? null };
      if (!options.json)
        shell.out(
          facts(shell, [
            ["server", `${url.value} (${url.from})`],
            ["key", key ? `from ${key.from}` : "none"],
            ["project", project && `${plain(project.value)} (${project.from})`],
          ]),
        );
      const { viewer } = await connect(shell, options).request(WhoAmI, {});
      if (options.json) return printJson(shell, { ...choice, viewer });
      shell.out(
        facts(shell, [
          ["as", `${plain(viewer.name)}, ${inWords(viewer.role)}`],
          ["projects", viewer.projectIds?.join(", ") ?? "all"],
          ["expires", viewer.expiresAt],
        ]),
      );
    });
