import { main } from "./main.ts";
import { makeShell } from "./shell/process-shell.ts";

const code = await main(process.argv.slice(2), makeShell());
// A command that goes on, like `docket mcp`, sets its own.
if (code !== 0) process.exitCode = code;
