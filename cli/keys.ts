import { Command, Option } from "commander";
import { upperCase } from "../client/enum-case.ts";
import { graphql } from "../client/gen/gql.ts";
import type { Role } from "../client/gen/graphql.ts";
import { connect, printJson, type ServerOptions, withJson } from "./shell/connect.ts";
import { listed, seconds } from "./shell/options.ts";
import { allOf } from "./shell/pages.ts";
import type { Shell } from "./shell/shell.ts";
import { table } from "./shell/table.ts";
import { fromNow, inWords } from "./shell/text.ts";

const ListedKeys = graphql(`
  query ListedKeys($after: String) {
    apiKeys(first: 100, after: $after) {
      nodes {
        keyId
        prefix
        name
        role
        projectIds
        createdAt
        expiresAt
        revokedAt
        lastUsedAt
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

const CreateKeyFromShell = graphql(`
  mutation CreateKeyFromShell($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      secret
      apiKey {
        keyId
        name
        role
        projectIds
        expiresAt
      }
    }
  }
`);

const RotateKeyFromShell = graphql(`
  mutation RotateKeyFromShell($input: RotateApiKeyInput!) {
    rotateApiKey(input: $input) {
      secret
      apiKey {
        keyId
      }
      former {
        keyId
        expiresAt
        revokedAt
      }
    }
  }
`);

const RevokeKeyFromShell = graphql(`
  mutation RevokeKeyFromShell($input: RevokeApiKeyInput!) {
    revokeApiKey(input: $input) {
      apiKey {
        keyId
        name
        revokedAt
      }
    }
  }
`);

const ROLES: readonly Lowercase<Role>[] = ["reader", "agent", "admin"];

interface CreateOptions extends ServerOptions {
  readonly role: Lowercase<Role>;
  readonly only?: string[];
  readonly expires?: string;
}

interface RotateOptions extends ServerOptions {
  readonly overlap?: number;
  readonly now?: boolean;
}

export function keysCommand(shell: Shell): Command {
  const list = withJson(new Command("list"))
    .description("list the API keys")
    .action(async (options: ServerOptions) => {
      const { request } = connect(shell, options, { asAdmin: true });
      const keys = await allOf(async (after) => (await request(ListedKeys, { after })).apiKeys);
      if (options.json) return printJson(shell, keys);
      shell.out(
        table(
          shell,
          [
            { head: "NAME", cell: ({ name }) => name, shrinks: true },
            { head: "ROLE", cell: ({ role }) => inWords(role) },
            { head: "PROJECTS", cell: ({ projectIds }) => projectIds?.join(", ") ?? "all", shrinks: true },
            { head: "LAST USED", cell: ({ lastUsedAt }) => (lastUsedAt ? fromNow(shell, lastUsedAt) : "never") },
            {
              head: "KEY",
              cell: ({ keyId, revokedAt }) => (revokedAt ? `${keyId} (revoked)` : keyId),
              style: ({ revokedAt }) => (revokedAt ? "red" : undefined),
            },
          ],
          keys,
        ),
      );
    });

  const create = withJson(new Command("create"))
    .description("make a key; stdout gets the key alone, which is shown this once")
    .argument("<name>", "who uses it")
    .addOption(new Option("--role <role>", "what it may do").choices(ROLES).default("agent"))
    .option("--only <projects>", "only these projects (repeatable); all by default", listed)
    .option("--expires <instant>", "like 2027-01-01T00:00:00Z; never by default")
    .action(async (name: string, options: CreateOptions) => {
      const { change } = connect(shell, options, { asAdmin: true });
      const input = { name, role: upperCase(options.role), projectIds: options.only, expiresAt: options.expires };
      const { createApiKey } = await change(CreateKeyFromShell, input);
      if (options.json) return printJson(shell, createApiKey);
      shell.err(`Made ${createApiKey.apiKey.keyId}. The key is shown this once:\n`);
      shell.out(`${createApiKey.secret ?? ""}\n`);
    });

  const rotate = withJson(new Command("rotate"))
    .description("replace a key by a new one, like `create`; both work for a while")
    .argument("<key>", "its ID, as `docket keys` shows it")
    .option("--overlap <duration>", "how long the old key goes on, like 12h; a day by default", seconds)
    .addOption(new Option("--now", "end the old key at once").conflicts("overlap"))
    .action(async (keyId: string, options: RotateOptions) => {
      const { change } = connect(shell, options, { asAdmin: true });
      const { rotateApiKey } = await change(RotateKeyFromShell, {
        keyId,
        overlapSeconds: options.now ? 0 : options.overlap,
      });
      if (options.json) return printJson(shell, rotateApiKey);
      const { apiKey, former, secret } = rotateApiKey;
      const end = former.revokedAt ? "has ended" : `ends ${fromNow(shell, former.expiresAt ?? "")}`;
      shell.err(`Made ${apiKey.keyId}; ${former.keyId} ${end}. The new key is shown this once:\n`);
      shell.out(`${secret ?? ""}\n`);
    });

  const revoke = withJson(new Command("revoke"))
    .description("end a key, now and for good")
    .argument("<key>", "its ID, as `docket keys` shows it")
    .action(async (keyId: string, options: ServerOptions) => {
      const { change } = connect(shell, options, { asAdmin: true });
      const { revokeApiKey } = await change(RevokeKeyFromShell, { keyId });
      if (options.json) return printJson(shell, revokeApiKey);
      shell.out(`Revoked ${keyId}.\n`);
    });

  return new Command("keys")
    .description("see, make, rotate and revoke API keys, as an admin")
    .addCommand(list, { isDefault: true })
    .addCommand(create)
    .addCommand(rotate)
    .addCommand(revoke)
    .addHelpText("after", "\nExamples:\n  docket keys\n  docket keys create ci --role agent --only web-shop > ci-key");
}
