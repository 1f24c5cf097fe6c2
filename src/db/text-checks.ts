import * as z from "zod";
import { isBlank, isStorable, NOT_STORABLE } from "./storable.ts";

/** A text of at most so many characters that the database can hold. */
export const text = (most: number) => z.string().max(most).refine(isStorable, { error: NOT_STORABLE });

/** One that has to say something where it is given at all. */
export const said = (most: number) =>
  text(most).refine((given) => !isBlank(given), { error: "must not be empty or blank" });
