import { figuresOfMeasurements } from "../figures.ts";
import type { Part } from "../part.ts";
import { table } from "../table.ts";
import { fairness } from "./run.ts";

export const fairnessPart: Part = async ({ print }) => {
  const measurements = await fairness({ print });
  return {
    report: table(measurements),
    figures: figuresOfMeasurements(measurements),
    ok: measurements.every(({ ok }) => ok),
  };
};
