import type { Measurement } from "./measure.ts";
import { columns } from "./table.ts";

/** One number of a run that another run can be compared with. */
export interface Figure {
  /** Unique in a run, and the same in every run. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: "more" | "less";
}

export const figuresOfMeasurements = (measurements: readonly Measurement[]): Figure[] =>
  measurements.flatMap(({ what, ms }) =>
    ms === undefined ? [] : [{ name: what.trim(), value: ms, unit: "ms", better: "less" }],
  );

/** A change that is smaller, in percent, is not worth a word. */
const NOISE_PERCENT = 5;

/** How each figure that both runs have has changed. */
export function differences(before: readonly Figure[], after: readonly Figure[]): string {
  const known = new Map(before.map((figure) => [figure.name, figure]));
  const rows = after.flatMap((figure) => {
    const was = known.get(figure.name);
    return was ? [differenceRow(was, figure)] : [];
  });
  return columns([["what", "saved", "now", "change", ""], ...rows]);
}

function differenceRow(was: Figure, { name, value, unit, better }: Figure): string[] {
  const percent = (value / was.value - 1) * 100;
  const improved = better === "more" ? percent > 0 : percent < 0;
  const word = Math.abs(percent) < NOISE_PERCENT ? "" : improved ? "better" : "WORSE";
  const change = `${percent >= 0 ? "+" : ""}${percent.toFixed(0)} %`;
  return [name, shown(was.value, unit), shown(value, unit), Number.isFinite(percent) ? change : "", word];
}

const shown = (value: number, unit: string) =>
  `${Math.abs(value) < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en")} ${unit}`.trimEnd();
