import type { Measurement } from "./measure.ts";
import { table } from "./table.ts";

export const print = (line: string) => console.log(line);

/** Prints what was measured beside what was asked for; a goal that is not met fails the run. */
export function tell(measurements: readonly Measurement[]): void {
  print(`\n${table(measurements)}`);
  if (!measurements.every(({ ok }) => ok)) process.exitCode = 1;
}
