import type { Shell } from "./shell.ts";
import { cut, paint, plain, widthOf } from "./text.ts";

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string | number | null | undefined;
  readonly right?: boolean;
  /** Gives way when the line is full; without one the last column does. */
  readonly shrinks?: boolean;
  readonly style?: (row: Row) => "green" | "yellow" | "red" | "dim" | "bold" | undefined;
}

const GAP = "  ";
/** What a column that gives way keeps at least. */
const NARROWEST = 8;

/** Rows in aligned columns, no line longer than the terminal is wide. */
export function table<Row>(shell: Shell, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => plain(String(cell(row) ?? ""))));
  const widths = widthsOf(columns, cells, shell.columns);
  const line = (texts: readonly string[], style: (index: number, text: string) => string) =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const shown = cut(text, width);
        const filling = " ".repeat(Math.max(0, width - widthOf(shown)));
        const painted = style(index, shown);
        if (columns[index]?.right) return filling + painted;
        return index === columns.length - 1 ? painted : painted + filling;
      })
      .join(GAP)
      .trimEnd();
  const head = line(
    columns.map((column) => column.head),
    (_, text) => paint(shell, "bold", text),
  );
  const body = rows.map((row, index) =>
    line(cells[index] ?? [], (at, text) => {
      const style = columns[at]?.style?.(row);
      return style === undefined ? text : paint(shell, style, text);
    }),
  );
  return `${[head, ...body].join("\n")}\n`;
}

function widthsOf<Row>(columns: readonly Column<Row>[], cells: readonly string[][], most: number): number[] {
  const widths = columns.map(({ head }, index) =>
    Math.max(widthOf(head), ...cells.map((texts) => widthOf(texts[index] ?? ""))),
  );
  const yielding = columns.flatMap(({ shrinks }, index) => (shrinks ? [index] : []));
  if (yielding.length === 0) yielding.push(columns.length - 1);
  let over = widths.reduce((sum, width) => sum + width, GAP.length * (columns.length - 1)) - most;
  while (over > 0) {
    // The widest of them first, so that short ones stay whole.
    const widest = yielding.reduce((one, other) => ((widths[other] ?? 0) > (widths[one] ?? 0) ? other : one));
    const width = widths[widest] ?? 0;
    if (width <= NARROWEST) break;
    widths[widest] = width - 1;
    over -= 1;
  }
  return widths;
}

/** Names and what they stand for, one under another; what is empty is left out. */
export function facts(shell: Shell, pairs: readonly (readonly [string, string | number | null | undefined])[]): string {
  const told = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  const width = Math.max(0, ...told.map(([name]) => name.length));
  return told.map(([name, value]) => `${paint(shell, "bold", name.padEnd(width))}  ${value}\n`).join("");
}
