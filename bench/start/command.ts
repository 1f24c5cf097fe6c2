import { Command } from "commander";
import { untilInterrupted } from "../interrupt.ts";
import { whole } from "../numbers.ts";
import { starts } from "./part.ts";

const print = (line: string) => console.log(line);

export const startCommand = new Command("start")
  .description("how long a server takes to its first answer, and what it holds when idle")
  .option("--times <n>", "how often each is started", whole(1), 9)
  .action(async ({ times }: { readonly times: number }) => {
    const { report, ok } = await starts(times, { interrupted: untilInterrupted(), print });
    print(`\n${report}`);
    if (!ok) process.exitCode = 1;
  });
