import { Command } from "commander";
import { graphql } from "../client/gen/gql.ts";
import { chooseServer } from "../client/node/choose-server.ts";
import { isSendable, NOT_SENDABLE, readWord } from "../client/node/config.ts";
import { readUserFile, userFilePath, writeUserFile } from "../client/node/user-file.ts";
import { createRequest } from "../client/request.ts";
import { UsageFault } from "./shell/exit.ts";
import type { Shell } from "./shell/shell.ts";
import { inWords, plain } from "./shell/text.ts";

const SignedInAs = graphql(`
  query SignedInAs {
    viewer {
      name
      role
      projectIds
    }
  }
`);

interface LoginOptions {
  readonly server?: string;
  readonly keyFile?: string;
}

export const loginCommand = (shell: Shell): Command =>
  new Command("login")
    .description("keep a server and your key for it, in a file that you alone can read")
    .option("--server <url>", "the server, instead of DOCKET_URL or the one of the last login")
    .option("--key-file <file>", "a file that holds the key; without it, it is asked for, or read from stdin")
    .addHelpText(
      "after",
      `
The file is $XDG_CONFIG_HOME/docket/config.json (~/.config/docket by default). The key is sent to that server
only, whatever a repository's .docket.json or an environment variable says; log in to each server once.

Examples:
  docket login --server https://docket.example.com
  docket login --server https://docket.example.com --key-file ./key
  pass show docket | docket login --server https://docket.example.com`,
    )
    .action(async (options: LoginOptions) => {
      const { url } = chooseServer({ env: withoutKeys(shell.env), cwd: shell.cwd, server: options.server });
      if (url.from.endsWith(".docket.json"))
        throw new UsageFault(`Name the server: only ${url.from} names one. If you trust it: --server ${url.value}`);
      const key = await keyFor(shell, url.value, options.keyFile);
      const { viewer } = await createRequest({ url: url.value, apiKey: key })(SignedInAs, {});
      const { keys } = readUserFile(shell.env);
      writeUserFile(shell.env, { server: url.value, keys: { ...keys, [url.value]: key } });
      const where = viewer.projectIds === null ? "all projects" : viewer.projectIds.join(", ");
      shell.out(`Signed in to ${url.value} as ${plain(viewer.name)}, ${inWords(viewer.role)} of ${where}.\n`);
      shell.out(`Kept in ${userFilePath(shell.env)}.\n`);
    });

export const logoutCommand = (shell: Shell): Command =>
  new Command("logout")
    .description("forget the key of a server; it stays valid, as `docket keys revoke` ends it")
    .addHelpText("after", "\nExample:\n  docket logout --server https://docket.example.com")
    .option("--server <url>", "the server, instead of DOCKET_URL or the one of the last login")
    .action((options: LoginOptions) => {
      const { url } = chooseServer({ env: withoutKeys(shell.env), cwd: shell.cwd, server: options.server });
      const { server, keys } = readUserFile(shell.env);
      if (!Object.hasOwn(keys, url.value)) throw new UsageFault(`No key is kept for ${url.value}.`);
      const { [url.value]: _forgotten, ...others } = keys;
      writeUserFile(shell.env, { server: server === url.value ? undefined : server, keys: others });
      shell.out(`Forgot the key of ${url.value}.\n`);
    });

/** Only the address is chosen: which key there is plays no part in it. */
function withoutKeys(env: Shell["env"]): Shell["env"] {
  const { DOCKET_API_KEY: _, DOCKET_API_KEY_FILE: __, TASK_TRACKING_API_KEY: ___, ...rest } = env;
  return rest;
}

async function keyFor(shell: Shell, url: string, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const key = readWord(file);
    if (key === undefined) throw new UsageFault(`--key-file names ${file}, which holds no readable key.`);
    return sendable(key);
  }
  const key = await (shell.canAsk ? shell.askSecretly(`API key for ${url}: `) : shell.readInput());
  if (key.trim() === "") throw new UsageFault("No key: pass --key-file FILE, or the key on stdin.");
  return sendable(key.trim());
}

function sendable(key: string): string {
  if (!isSendable(key)) throw new UsageFault(NOT_SENDABLE);
  return key;
}
