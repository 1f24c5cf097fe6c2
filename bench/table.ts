import type { Measurement } from "./measure.ts";

/** Columns as wide as their widest cell. */
export function table(measurements: readonly Measurement[]): string {
  const rows = [
    ["what", "measured", "target", ""],
    ...measurements.map(({ what, measured, target, ok }) => [what, measured, target, ok ? "ok" : "NOT MET"]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [lines[0], widths.map((width) => "-".repeat(width)).join("  "), ...lines.slice(1)].join("\n");
}
