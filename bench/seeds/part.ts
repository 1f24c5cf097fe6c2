import { figuresOfMeasurements } from "../figures.ts";
import type { Part } from "../part.ts";
import { table } from "../table.ts";
import { seeds } from "./run.ts";

/** How long the steady load lasts, in seconds. */
const LONG = 60;
const SHORT = 5;

export const seedsPart: Part = async ({ short, print }) => {
  const measurements = await seeds({ seconds: short ? SHORT : LONG, profile: undefined, print });
  return {
    report: table(measurements),
    figures: figuresOfMeasurements(measurements),
    ok: measurements.every(({ ok }) => ok),
  };
};
