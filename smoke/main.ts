import { Command, InvalidArgumentError } from "commander";
import { chooseServer } from "../client/node/choose-server.ts";
import { ClientConfigError, environment } from "../client/node/config.ts";
import { walk } from "./walk.ts";

const EXIT = { fine: 0, failed: 1, usage: 2 } as const;

interface SmokeOptions {
  readonly keyFile?: string;
  readonly wait: number;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 600)) throw new InvalidArgumentError("It must be a number of seconds up to 600.");
  return value;
}

const command = new Command("npm run smoke --")
  .description(
    "Tries the main paths of a running server, in a project of its own that it archives, and says what failed.",
  )
  .argument("[url]", "the server, instead of DOCKET_URL or the one of `docket login`")
  .option("--key-file <file>", "a file that holds the API key, instead of DOCKET_API_KEY or the stored one")
  .option("--wait <seconds>", "how long to wait for what the server does by itself", seconds, 15)
  .addHelpText(
    "after",
    "\nThe key is an agent's of all projects, or an admin's, who can archive the project in the end.\n" +
      "Exit codes: 0 all is well, 1 something failed, 2 it was not called rightly.\n\n" +
      "Example:\n  DOCKET_API_KEY=dk_… npm run smoke -- https://docket.example.com",
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.fine : EXIT.usage))
  .action(async (server: string | undefined, { keyFile, wait }: SmokeOptions) => {
    const { url, key } = chooseServer({ env: environment, cwd: process.cwd(), server, keyFile, asAdmin: true });
    if (key === undefined)
      throw new ClientConfigError(`No API key for ${url.value}: set DOCKET_API_KEY, or run docket login.`);
    console.log(`${url.value}, with the key from ${key.from}`);
    const failed = await walk({ url: url.value, apiKey: key.value, patienceMs: wait * 1_000, print: console.log });
    console.log(failed.length === 0 ? "All is well." : `Failed: ${failed.join(", ")}.`);
    process.exitCode = failed.length === 0 ? EXIT.fine : EXIT.failed;
  });

try {
  await command.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof ClientConfigError ? EXIT.usage : EXIT.failed;
}
// Connections that are kept alive would delay the end.
process.exit();
