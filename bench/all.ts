import { Command } from "commander";
import { comparePart } from "./compare/part.ts";
import { deliveryPart } from "./delivery/part.ts";
import { fairnessPart } from "./fairness/part.ts";
import type { Figure } from "./figures.ts";
import { flowPart } from "./flow/part.ts";
import { untilInterrupted } from "./interrupt.ts";
import type { Part } from "./part.ts";
import { recurrencesPart } from "./recurrences/part.ts";
import { printDifferences } from "./saved-run.ts";
import { seedsPart } from "./seeds/part.ts";
import { startPart } from "./start/part.ts";
import { statisticsPart } from "./statistics/part.ts";
import { print } from "./tell.ts";
import { tokensPart } from "./tokens/part.ts";

/** In this order; a benchmark that a developer should see change belongs here. */
const PARTS: Readonly<Record<string, Part>> = {
  compare: comparePart,
  seeds: seedsPart,
  delivery: deliveryPart,
  fairness: fairnessPart,
  flow: flowPart,
  statistics: statisticsPart,
  recurrences: recurrencesPart,
  start: startPart,
  tokens: tokensPart,
};

export const allCommand = new Command("all")
  .description(`${Object.keys(PARTS).join(", ")}, and how their figures differ from those that were saved`)
  .option("--short", "less of everything: a few minutes", false)
  .option("--save", "keep the figures to compare the next run with", false)
  .action(async (options: { readonly short: boolean; readonly save: boolean }) => {
    const interrupted = untilInterrupted();
    const figures: Figure[] = [];
    for (const [name, part] of Object.entries(PARTS)) {
      interrupted.throwIfAborted();
      print(`\n# ${name}\n`);
      const result = await part({ short: options.short, interrupted, print });
      print(`\n${result.report}`);
      figures.push(...result.figures);
      if (!result.ok) process.exitCode = 1;
    }
    await printDifferences(figures, options);
  });
