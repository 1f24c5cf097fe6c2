import type { Direction, Order } from "./page.ts";

/** One field of a list to order by, and which way. */
export interface OrderBy<Field extends string> {
  readonly field: Field;
  readonly direction: Direction;
}

type Column = Order["columns"][number];

/** A column to order by; an instant may be empty: such rows come last, whichever way. */
interface Sorted extends Column {
  readonly nullable?: true;
}

/**
 * The orders of a list: its columns by field, each followed by one that tells all rows apart.
 * @param list names the list in its cursors.
 */
export const ordersOf =
  <Field extends string>(list: string, unique: Column, fields: Readonly<Record<Field, readonly Sorted[]>>) =>
  ({ field, direction }: OrderBy<Field>): Order => ({
    name: `${list}.${field}.${direction}`,
    columns: [...fields[field].map((column) => emptyLast(column, direction)), unique],
    direction,
  });

function emptyLast({ sql, type, nullable }: Sorted, direction: Direction): Column {
  return { sql: nullable ? `coalesce(${sql}, '${direction === "ASC" ? "" : "-"}infinity')` : sql, type };
}
