import { z } from "zod";

/** What the README says of an environment variable. */
interface About {
  /** In Markdown; links lead from the folder of the README. */
  readonly meaning: string;
  /** What holds where the variable is not set, in Markdown, unless its schema has a default that tells. */
  readonly unset?: string;
  /** A refusal quotes the value that was given: only where it can hold no secret. */
  readonly shown?: true;
}

const described = z.registry<About>();

/** An environment variable: its schema, which starts from the text or from nothing, and what it means. */
export function setting<Schema extends z.ZodType>(schema: Schema, about: About): Schema {
  described.add(schema, about);
  return schema;
}

/** What was said of a setting. @throws Error where nothing was: the README would lack it. */
export function aboutOf(name: string, schema: z.core.$ZodType): About {
  const about = described.get(schema);
  if (!about) throw new Error(`${name} has no description`);
  return about;
}

export const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .refine(
      (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
      `must be a whole number from ${least} to ${most}`,
    )
    .transform(Number);

/** Items apart at their commas. */
export const list = z.string().transform((text): readonly string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);
