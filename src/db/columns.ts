import type { Statement } from "./database.ts";

/** The columns of a table in the shape Prisma gives. Those that may be long are read only where a reader asks for them. */
export interface Columns<Long extends string> {
  readonly long: readonly Long[];
  /** For a SELECT. Of the long ones only those named, by default all; a row's others are undefined. */
  select(long?: readonly Long[]): string;
  /** A statement for each choice of long ones, which each connection prepares once. */
  statement(name: string, text: (columns: string) => string): (long?: readonly Long[]) => Statement;
}

/** @param alias of the table in the statements. @param columns by field. */
export function columnsOf<Field extends string, Long extends Field>(
  alias: string,
  columns: Readonly<Record<Field, string>>,
  long: readonly Long[],
): Columns<Long> {
  const select = (wanted = long) => {
    const left = new Set<string>(long.filter((field) => !wanted.includes(field)));
    const read = Object.entries(columns).filter(([field]) => !left.has(field));
    return read.map(([field, column]) => `${alias}.${column} AS "${field}"`).join(", ");
  };
  return {
    long,
    select,
    statement(name, text) {
      const made = new Map<string, Statement>();
      return (wanted = long) => {
        const choice = long.map((field) => Number(wanted.includes(field))).join("");
        const known = made.get(choice) ?? { name: `${name}-${choice}`, text: text(select(wanted)) };
        made.set(choice, known);
        return known;
      };
    },
  };
}
