import { figuresOfMeasurements } from "../figures.ts";
import type { Part } from "../part.ts";
import { table } from "../table.ts";
import { statistics } from "./run.ts";

const LONG = { tasks: 10_000, attempts: 16_000, events: 100_000 };
const SHORT = { tasks: 1_000, attempts: 1_600, events: 10_000 };

export const statisticsPart: Part = async ({ short, print }) => {
  const measurements = await statistics({ ...(short ? SHORT : LONG), print });
  return {
    report: table(measurements),
    figures: figuresOfMeasurements(measurements),
    ok: measurements.every(({ ok }) => ok),
  };
};
