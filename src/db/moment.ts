import { badInput } from "../errors.ts";
import type { Db } from "./database.ts";
import { type Bind, parameters } from "./parameters.ts";
import { isDay, parseInstant } from "./storable.ts";

/** A duration of nothing. */
export const NOW = "PT0S";

/** The digits of a part of a duration; the last part may have a fraction, as ISO 8601 has it. */
const part = (digits: number, unit: string) => `(?:(\\d{1,${digits}}(?:[.,]\\d{1,9}(?=.$))?)${unit})?`;

/** A duration of ISO 8601 with an optional sign: its sign, all the rest, and its parts from years to seconds. */
const DURATION = new RegExp(
  `^([+-]?)(P(?=\\d|T\\d)${["Y", "M", "W", "D"].map((unit) => part(5, unit)).join("")}` +
    `(?:T(?=\\d)${["H", "M", "S"].map((unit) => part(12, unit)).join("")})?)$`,
);

/** How many of each part a year has, in the same order. */
const OF_A_YEAR = [1, 12, 52, 365, 8_760, 525_600, 31_536_000];
/** Any longer ago, and the instant would lie in years that nothing here can name. */
const MOST_YEARS = 999;

const isDuration = (given: string) => {
  const [, , , ...parts] = DURATION.exec(given) ?? [];
  const years = parts.map((value = "0", i) => Number(value.replace(",", ".")) / (OF_A_YEAR[i] ?? 1));
  return parts.length > 0 && years.reduce((sum, one) => sum + one, 0) <= MOST_YEARS;
};

const isAbsolute = (given: string) =>
  (/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(given) && isDay(given)) || parseInstant(given) !== undefined;

/** What is wrong with what should be an instant or a duration from now; undefined when nothing is. */
export const momentFault = (given: unknown): string | undefined =>
  typeof given === "string" && (isDuration(given) || isAbsolute(given))
    ? undefined
    : `${JSON.stringify(given)} is neither an instant like 2026-03-01T09:00:00Z nor a duration from now like -P1D or PT2H (of ${MOST_YEARS} years at most in all).`;

/**
 * SQL for the instant that a caller named, or that lies a duration from the database's now.
 * @param past the name of a field that always lies in the past, where no duration into the future makes sense.
 * @throws BAD_USER_INPUT
 */
export function momentSql(given: string, bind: Bind, past?: string): string {
  const fault = momentFault(given);
  if (fault !== undefined) throw badInput(fault);
  const [, sign, duration] = DURATION.exec(given) ?? [];
  if (duration === undefined) return `${bind(given)}::timestamptz`;
  if (past !== undefined && sign !== "-" && /[1-9]/.test(duration))
    throw badInput(
      `${past} lies in the past, and ${JSON.stringify(given)} is added to now. Write "-${duration}" for that long ago.`,
    );
  return `((SELECT docket_now()) ${sign === "-" ? "-" : "+"} ${bind(duration.replace(",", "."))}::interval)`;
}

/** Whether one moment comes after another, by the database's clock. @throws BAD_USER_INPUT */
export async function isLater(db: Db, one: string, other: string): Promise<boolean> {
  const { values, bind } = parameters();
  const [found] = await db.read<{ later: boolean }>(
    `SELECT ${momentSql(one, bind)} > ${momentSql(other, bind)} AS later`,
    values,
  );
  return found?.later === true;
}

/** That the moment given as `argument` is not yet to come, by the database's clock. @throws BAD_USER_INPUT */
export async function requirePast(db: Db, argument: string, given: string): Promise<void> {
  if (await isLater(db, given, NOW))
    throw badInput(
      `${argument} lies in the past, and ${JSON.stringify(given)} is yet to come. Name an earlier instant, or a duration like "-P1D".`,
    );
}
