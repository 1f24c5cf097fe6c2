import { badInput } from "../errors.ts";
import { isDay, parseInstant } from "./storable.ts";

export type Maybe<T> = T | null | undefined;

/** Adds a parameter to a statement and answers its placeholder. */
export type Bind = (value: unknown) => string;

export interface ChoiceFilter<Value extends string> {
  readonly eq?: Maybe<Value>;
  readonly in?: Maybe<readonly Value[]>;
}

export interface StringFilter extends ChoiceFilter<string> {
  /** Part of the text, whatever the case. */
  readonly contains?: Maybe<string>;
  readonly null?: Maybe<boolean>;
}

export interface IntFilter {
  readonly eq?: Maybe<number>;
  readonly in?: Maybe<readonly number[]>;
  readonly lt?: Maybe<number>;
  readonly lte?: Maybe<number>;
  readonly gt?: Maybe<number>;
  readonly gte?: Maybe<number>;
}

/** Instants as ISO 8601, or durations from now like -P1D. */
export interface DateFilter {
  readonly lt?: Maybe<string>;
  readonly lte?: Maybe<string>;
  readonly gt?: Maybe<string>;
  readonly gte?: Maybe<string>;
  readonly null?: Maybe<boolean>;
}

/** Everything given holds; nothing given is TRUE. */
export const all = (conditions: readonly (string | false | null | undefined)[]): string => {
  const given = conditions.filter((condition) => typeof condition === "string");
  return given.length === 0 ? "TRUE" : `(${given.join(" AND ")})`;
};

export function stringCondition(column: string, filter: StringFilter, bind: Bind): string {
  return all([
    filter.eq != null && `${column} = ${bind(filter.eq)}`,
    filter.in && `${column} = ANY (${bind(filter.in)}::text[])`,
    filter.contains != null && `${column} ILIKE ${bind(containing(filter.contains))}`,
    nullCondition(column, filter.null),
  ]);
}

export function intCondition(column: string, filter: IntFilter, bind: Bind): string {
  return all([
    // Without the cast a number beyond a smallint column would be refused instead of not found.
    filter.eq != null && `${column} = ${bind(filter.eq)}::int`,
    filter.in && `${column} = ANY (${bind(filter.in)}::int[])`,
    ...compare(column, filter, (value) => `${bind(value)}::int`),
  ]);
}

/** @throws BAD_USER_INPUT */
export function dateCondition(column: string, filter: DateFilter, bind: Bind): string {
  return all([...compare(column, filter, (value) => instant(value, bind)), nullCondition(column, filter.null)]);
}

const COMPARATORS = { lt: "<", lte: "<=", gt: ">", gte: ">=" } as const;

function compare<T>(
  column: string,
  filter: { [Key in keyof typeof COMPARATORS]?: Maybe<T> },
  value: (given: T) => string,
) {
  return (["lt", "lte", "gt", "gte"] as const).map((comparator) => {
    const given = filter[comparator];
    return given != null && `${column} ${COMPARATORS[comparator]} ${value(given)}`;
  });
}

/** All parts together stay within the years that PostgreSQL counts, 4713 BC on. */
const DURATION =
  /^([+-]?)(P(?=\d|T\d)(?:\d{1,3}Y)?(?:\d{1,4}M)?(?:\d{1,4}W)?(?:\d{1,5}D)?(?:T(?=\d)(?:\d{1,6}H)?(?:\d{1,6}M)?(?:\d{1,9}S)?)?)$/;

/** SQL for an instant that was given, or that lies so far from now. @throws BAD_USER_INPUT */
export function instant(given: string, bind: Bind): string {
  const [, sign, duration] = DURATION.exec(given) ?? [];
  if (duration !== undefined) return `((SELECT docket_now()) ${sign === "-" ? "-" : "+"} ${bind(duration)}::interval)`;
  const day = /^(?!0000)\d{4}-\d{2}-\d{2}$/.test(given) && isDay(given);
  if (day || parseInstant(given)) return `${bind(given)}::timestamptz`;
  throw badInput(
    `${JSON.stringify(given)} is neither an instant like 2026-03-01T09:00:00Z nor a duration from now like -P1D or PT2H (of 999 years at most).`,
  );
}

const nullCondition = (column: string, wanted: Maybe<boolean>) =>
  wanted != null && `${column} IS ${wanted ? "NULL" : "NOT NULL"}`;

/** A LIKE pattern that finds the text anywhere, its own wildcards taken as they are. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;
