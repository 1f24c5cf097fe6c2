import type { Measurement } from "./measure.ts";

/** What was measured beside what was asked for. */
export const table = (measurements: readonly Measurement[]): string =>
  columns([
    ["what", "measured", "target", ""],
    ...measurements.map(({ what, measured, target, ok }) => [what, measured, target, ok ? "ok" : "NOT MET"]),
  ]);

/** Columns as wide as their widest cell, under a head that is the first row. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [lines[0], widths.map((width) => "-".repeat(width)).join("  "), ...lines.slice(1)].join("\n");
}
