import { badInput } from "../errors.ts";
import { all, type Maybe } from "./comparators.ts";
import type { Bind } from "./parameters.ts";

/** A filter that may combine filters of its kind. */
export interface Combined<Filter> {
  readonly and?: Maybe<readonly Filter[]>;
  readonly or?: Maybe<readonly Filter[]>;
  readonly not?: Maybe<Filter>;
}

/** More than people and programs write, and far from what a statement can hold (65,535 parameters). */
const DEEPEST = 10;
const MOST_CONDITIONS = 500;

const within = <Filter extends Combined<Filter>>({ and, or, not }: Filter): Filter[] => [
  ...(and ?? []),
  ...(or ?? []),
  ...(not ? [not] : []),
];

/** The filter and every filter within it. @throws BAD_USER_INPUT for too many, or too deep. */
export function partsOf<Filter extends Combined<Filter>>(filter: Filter): Filter[] {
  const parts: Filter[] = [];
  let level: readonly Filter[] = [filter];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > DEEPEST) throw badInput(`This filter is nested more than ${DEEPEST} levels deep. Write it flatter.`);
    if (parts.length + level.length > MOST_CONDITIONS) throw tooManyConditions();
    parts.push(...level);
    level = level.flatMap(within);
  }
  return parts;
}

const tooManyConditions = () =>
  badInput(`This filter has more than ${MOST_CONDITIONS} conditions. Use in for many values, or ask in several parts.`);

/**
 * SQL for a filter with all that it combines. What it leaves out, it allows; `not` is true of every row of which the
 * filter within it is not.
 * @param own SQL for what a filter says besides.
 * @throws BAD_USER_INPUT
 */
export function combinedCondition<Filter extends Combined<Filter>>(
  filter: Filter,
  bind: Bind,
  own: (filter: Filter, bind: Bind) => string,
): string {
  partsOf(filter);
  let conditions = 0;
  const counted: Bind = (value) => {
    conditions++;
    if (conditions > MOST_CONDITIONS) throw tooManyConditions();
    return bind(value);
  };
  const condition = (one: Filter): string =>
    all([
      own(one, counted),
      ...(one.and ?? []).map(condition),
      one.or && `(${one.or.length === 0 ? "FALSE" : one.or.map(condition).join(" OR ")})`,
      one.not && `(${condition(one.not)}) IS NOT TRUE`,
    ]);
  return condition(filter);
}
