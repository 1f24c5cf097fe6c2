import * as z from "zod";
import { badInput } from "../errors.ts";
import { isBlank, isStorable, NOT_STORABLE } from "./storable.ts";

/** A text of at most so many characters that the database can hold. */
export const text = (most: number) => z.string().max(most).refine(isStorable, { error: NOT_STORABLE });

/** One that has to say something where it is given at all. */
export const said = (most: number) =>
  text(most).refine((given) => !isBlank(given), { error: "must not be empty or blank" });

/** The same where no noun's fields are checked. @throws BAD_USER_INPUT for a text that is longer, or cannot be held. */
export function requireText(name: string, given: string, most: number): void {
  if (given.length > most) throw badInput(`${name} has ${given.length} characters; ${most} at most.`);
  if (!isStorable(given)) throw badInput(`${name} ${NOT_STORABLE}.`);
}

/** @param remedy what to do about one that says nothing. @throws BAD_USER_INPUT also for that. */
export function requireSaid(name: string, given: string, most: number, remedy: string): void {
  requireText(name, given, most);
  if (isBlank(given)) throw badInput(`${name} must not be empty or blank${remedy}`);
}

export const requireReason = (reason: string, remedy: string) => requireSaid("reason", reason, 500, remedy);
