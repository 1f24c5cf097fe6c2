import { momentSql } from "./moment.ts";
import type { Bind } from "./parameters.ts";

export type Maybe<T> = T | null | undefined;

/** Whether a field equals something; `ne` and `notIn` also find rows where it is empty. */
export interface ChoiceFilter<Value> {
  readonly eq?: Maybe<Value>;
  readonly ne?: Maybe<Value>;
  readonly in?: Maybe<readonly Value[]>;
  readonly notIn?: Maybe<readonly Value[]>;
  /** true: the field is empty; false: it is not. */
  readonly null?: Maybe<boolean>;
}

/** The same, and how a field stands to something in its order. */
export interface RangeFilter<Value> extends ChoiceFilter<Value> {
  readonly lt?: Maybe<Value>;
  readonly lte?: Maybe<Value>;
  readonly gt?: Maybe<Value>;
  readonly gte?: Maybe<Value>;
}

export interface StringFilter extends RangeFilter<string> {
  /** Part of the text, whatever the case. */
  readonly contains?: Maybe<string>;
}

/** The same filter of texts in one case, for a column in that. */
export function inOneCase(
  { eq, ne, in: any, notIn, lt, lte, gt, gte, ...rest }: StringFilter,
  change: (text: string) => string,
): StringFilter {
  const changed = (text: Maybe<string>) => text && change(text);
  return {
    ...rest,
    ...{ eq: changed(eq), ne: changed(ne), lt: changed(lt), lte: changed(lte), gt: changed(gt), gte: changed(gte) },
    ...{ in: any?.map(change), notIn: notIn?.map(change) },
  };
}

export type IntFilter = RangeFilter<number>;

/** Instants as ISO 8601, or durations from now like -P1D. */
export type DateFilter = RangeFilter<string>;

/** SQL: that a column holds one of these texts; equality, where there is only one. */
export const among = (column: string, values: readonly string[], bind: Bind): string =>
  values.length === 1 ? `${column} = ${bind(values[0])}::text` : `${column} = ANY (${bind(values)}::text[])`;

/** SQL of a condition that allows every row. */
export const ANYTHING = "TRUE";

/** Everything given holds; nothing given allows anything. */
export const all = (conditions: readonly (string | false | null | undefined)[]): string => {
  const given = conditions.filter((condition) => typeof condition === "string" && condition !== ANYTHING);
  return given.length === 0 ? ANYTHING : `(${given.join(" AND ")})`;
};

export function stringCondition(column: string, filter: StringFilter, bind: Bind): string {
  return all([
    compared(
      column,
      filter,
      (value) => `${bind(value)}::text`,
      (values) => `${bind(values)}::text[]`,
    ),
    filter.contains != null && `${column} ILIKE ${bind(containing(filter.contains))}`,
  ]);
}

/** The cast: without it a number beyond a smallint column would be refused instead of not found. */
export const intCondition = (column: string, filter: IntFilter, bind: Bind): string =>
  compared(
    column,
    filter,
    (value) => `${bind(value)}::int`,
    (values) => `${bind(values)}::int[]`,
  );

/**
 * @param past the field's name when it always lies in the past.
 * @throws BAD_USER_INPUT
 */
export function dateCondition(column: string, filter: DateFilter, bind: Bind, past?: string): string {
  const moment = (given: string) => momentSql(given, bind, past);
  return compared(column, filter, moment, (given) => `ARRAY[${given.map(moment).join(", ")}]::timestamptz[]`);
}

const COMPARATORS = { lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;

/** @param one SQL for a value. @param many SQL for an array of values. */
function compared<Value>(
  column: string,
  filter: RangeFilter<Value>,
  one: (value: Value) => string,
  many: (values: readonly Value[]) => string,
): string {
  return all([
    filter.eq != null && `${column} = ${one(filter.eq)}`,
    filter.ne != null && `${column} IS DISTINCT FROM ${one(filter.ne)}`,
    filter.in && `${column} = ANY (${many(filter.in)})`,
    filter.notIn && `(${column} = ANY (${many(filter.notIn)})) IS NOT TRUE`,
    ...(["lt", "lte", "gt", "gte"] as const).map((comparator) => {
      const given = filter[comparator];
      return given != null && `${column} ${COMPARATORS[comparator]} ${one(given)}`;
    }),
    filter.null != null && `${column} IS ${filter.null ? "NULL" : "NOT NULL"}`,
  ]);
}

/** A LIKE pattern that finds the text anywhere, its own wildcards taken as they are. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;
