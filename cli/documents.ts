import { hash } from "node:crypto";
import { Command } from "commander";
import * as documents from "../client/gen/graphql.ts";
import { OPERATIONS } from "../client/gen/operations.ts";
import type { Shell } from "./shell/shell.ts";

const EXAMPLE = `
A server with DOCKET_TRUSTED_DOCUMENTS=FILE takes the documents of that file alone. Add those of your own programs.

Example:
  docket documents export > trusted.json`;

export const documentsCommand = (shell: Shell): Command =>
  new Command("documents")
    .description("see the GraphQL documents that Docket's own clients send")
    .addHelpText("after", EXAMPLE)
    .addCommand(
      new Command("export")
        .description("print them as JSON, their SHA-256 as keys: for a server that trusts no others")
        .action(() => shell.out(`${JSON.stringify(ownDocuments(), null, 2)}\n`))
        .addHelpText("after", EXAMPLE),
    );

/** Letter by letter as the MCP tools, this command line, the REST API and `npm run smoke` send them. */
function ownDocuments(): Record<string, string> {
  const byName: Readonly<Record<string, unknown>> = documents;
  return Object.fromEntries(
    OPERATIONS.map((name) => {
      const document = byName[`${name}Document`];
      if (!(document instanceof documents.TypedDocumentString)) throw new Error(`There is no document ${name}`);
      const text = document.toString();
      return [hash("sha256", text), text];
    }),
  );
}
