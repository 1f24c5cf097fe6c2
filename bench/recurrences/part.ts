import { figuresOfMeasurements } from "../figures.ts";
import type { Part } from "../part.ts";
import { table } from "../table.ts";
import { recurrences } from "./run.ts";

export const recurrencesPart: Part = async ({ short, print }) => {
  const measurements = await recurrences({ templates: short ? 1_000 : 10_000, print });
  return {
    report: table(measurements),
    figures: figuresOfMeasurements(measurements),
    ok: measurements.every(({ ok }) => ok),
  };
};
