import { resolve } from "node:path";
import { Command } from "commander";
import { untilInterrupted } from "../interrupt.ts";
import { whole } from "../numbers.ts";
import { print } from "../tell.ts";
import { starts } from "./part.ts";
import { PACKAGED } from "./report.ts";

export const startCommand = new Command("start")
  .description("how long a server takes to its first answer, and what it holds when idle")
  .option("--times <n>", "how often each is started", whole(1), 9)
  .option("--docket <file>", "cli/docket.js of an installed package, in place of this clone's")
  .action(async ({ times, docket }: { readonly times: number; readonly docket?: string }) => {
    const packaged = docket === undefined ? {} : { docket: resolve(docket), targets: PACKAGED };
    const { report, ok } = await starts(times, { interrupted: untilInterrupted(), print, ...packaged });
    print(`\n${report}`);
    if (!ok) process.exitCode = 1;
  });
