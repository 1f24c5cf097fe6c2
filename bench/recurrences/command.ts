import { Command } from "commander";
import { whole } from "../numbers.ts";
import { print, tell } from "../tell.ts";
import { recurrences } from "./run.ts";

export const recurrencesCommand = new Command("recurrences")
  .description("how long the instances of a day take, and what claims and reservations keep meanwhile")
  .option("--templates <n>", "that recur daily", whole(1), 10_000)
  .action(async ({ templates }: { readonly templates: number }) => {
    tell(await recurrences({ templates, print }));
  });
