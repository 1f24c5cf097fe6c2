import type { Part } from "../part.ts";
import { goals } from "./goals.ts";
import { OPERATIONS } from "./operations.ts";
import { report } from "./report.ts";
import { compare } from "./run.ts";
import { figuresOf } from "./summary.ts";

/** Rounds and seconds for a look, and for figures that are kept. */
export const SHORT = { connections: [32], pace: { rounds: 3, seconds: 0.5, warmSeconds: 0.2 } };
export const LONG = { connections: [1, 32, 100], pace: { rounds: 5, seconds: 2, warmSeconds: 0.5 } };

export const comparePart: Part = async ({ short, ...around }) => {
  const { rows } = await compare({ operations: OPERATIONS, ...(short ? SHORT : LONG), ...around });
  const asked = goals(rows);
  return { report: report(rows, asked), figures: figuresOf(rows), ok: asked.every(({ ok }) => ok) };
};
