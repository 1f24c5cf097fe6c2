import { main } from "./main.ts";
import { makeShell } from "./shell/process-shell.ts";

process.exitCode = await main(process.argv.slice(2), makeShell());
