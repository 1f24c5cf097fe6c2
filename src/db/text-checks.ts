import * as z from "zod";
import { badInput } from "../errors.ts";
import { isBlank, isStorable, NOT_STORABLE } from "./storable.ts";

/** A text of at most so many characters that the database can hold. */
export const text = (most: number) => z.string().max(most).refine(isStorable, { error: NOT_STORABLE });

/** One that has to say something where it is given at all. */
export const said = (most: number) =>
  text(most).refine((given) => !isBlank(given), { error: "must not be empty or blank" });

const LONGEST_REASON = 500;

/** @param remedy what to do about one that says nothing. @throws BAD_USER_INPUT for a reason that says nothing, or too much. */
export function requireReason(reason: string, remedy: string): void {
  if (reason.length > LONGEST_REASON)
    throw badInput(`reason has ${reason.length} characters; ${LONGEST_REASON} at most.`);
  if (!isStorable(reason)) throw badInput(`reason ${NOT_STORABLE}.`);
  if (isBlank(reason)) throw badInput(`reason must not be empty or blank${remedy}`);
}
