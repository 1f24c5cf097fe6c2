import { printDifferences } from "../saved-run.ts";
import { type Asked, compareAsAsked, comparingCommand } from "./asked.ts";
import { goals } from "./goals.ts";
import { publish } from "./publish.ts";
import { figuresOf } from "./summary.ts";

interface Options extends Asked {
  readonly save: boolean;
}

export const compareCommand = comparingCommand("compare")
  .description("Docket beside a bare node + pg server with the same statements, and beside the statements alone")
  .option("--save", "keep the figures to compare with; those of a whole run also in docs/", false)
  .action(async (names: readonly string[], given: Options) => {
    const run = await compareAsAsked(names, given, { goals });
    await printDifferences(figuresOf(run.rows), given);
    const isWhole = names.length === 0 && !given.short && given.connections === undefined;
    if (given.save && isWhole) await publish(run);
  });
