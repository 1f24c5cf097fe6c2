import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { setting } from "./setting.ts";

/** Documents by their hash, 64 digits. */
export type TrustedDocuments = ReadonlyMap<string, string>;

const FORM = "must name a JSON file of GraphQL documents: a list, or an object with their SHA-256 as keys";
const Kept = z.union([z.array(z.string()), z.record(z.string(), z.string())]);

/** The only documents that are executed; null: whatever is sent. */
export const trustedDocuments = z
  .object({
    DOCKET_TRUSTED_DOCUMENTS: setting(
      z
        .string()
        .transform((file, { addIssue }) => {
          const read = readDocuments(file);
          if (typeof read !== "string") return read;
          addIssue({ code: "custom", message: read });
          return z.NEVER;
        })
        .optional(),
      {
        meaning:
          "a JSON file with the only GraphQL documents that this server takes; see [Trusted documents](#trusted-documents)",
        unset: "every document",
        shown: true,
      },
    ),
  })
  .transform(({ DOCKET_TRUSTED_DOCUMENTS: documents }) => documents ?? null)
  .readonly();

/** The documents of a file, or what is wrong with it. */
function readDocuments(file: string): TrustedDocuments | string {
  let kept: z.output<typeof Kept>;
  try {
    kept = Kept.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const isForm = error instanceof z.ZodError || error instanceof SyntaxError;
    return isForm ? FORM : `cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
  if (Array.isArray(kept)) return new Map(kept.map((text) => [hash("sha256", text), text]));
  const documents = Object.entries(kept).map(([key, text]): [string, string] => [key.replace(/^sha256:/, ""), text]);
  const [wrong] = documents.find(([named, text]) => named !== hash("sha256", text)) ?? [];
  return wrong === undefined ? new Map(documents) : `${FORM}; ${JSON.stringify(wrong)} is not that of its document`;
}
