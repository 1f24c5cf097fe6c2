import { figuresOfMeasurements } from "../figures.ts";
import type { Part } from "../part.ts";
import { table } from "../table.ts";
import { flow } from "./run.ts";

export const flowPart: Part = async ({ short, print }) => {
  const measurements = await flow({ rounds: short ? 2 : 5, print });
  return {
    report: table(measurements),
    figures: figuresOfMeasurements(measurements),
    ok: measurements.every(({ ok }) => ok),
  };
};
