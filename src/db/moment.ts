import { badInput } from "../errors.ts";
import type { Bind } from "./parameters.ts";
import { isDay, parseInstant } from "./storable.ts";

/** A duration of ISO 8601 with an optional sign. All parts together stay within the years that PostgreSQL counts. */
const DURATION =
  /^([+-]?)(P(?=\d|T\d)(?:\d{1,3}Y)?(?:\d{1,4}M)?(?:\d{1,4}W)?(?:\d{1,5}D)?(?:T(?=\d)(?:\d{1,6}H)?(?:\d{1,6}M)?(?:\d{1,9}S)?)?)$/;

const isAbsolute = (given: string) =>
  (/^(?!0000)\d{4}-\d{2}-\d{2}$/.test(given) && isDay(given)) || parseInstant(given) !== undefined;

/** What is wrong with what should be an instant or a duration from now; undefined when nothing is. */
export const momentFault = (given: unknown): string | undefined =>
  typeof given === "string" && (DURATION.test(given) || isAbsolute(given))
    ? undefined
    : `${JSON.stringify(given)} is neither an instant like 2026-03-01T09:00:00Z nor a duration from now like -P1D or PT2H (of 999 years at most).`;

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
  return `((SELECT docket_now()) ${sign === "-" ? "-" : "+"} ${bind(duration)}::interval)`;
}
