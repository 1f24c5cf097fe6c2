import * as z from "zod";
import type { Context } from "../access/viewer.ts";
import { isBlank, isStorable, jsonFault, NOT_STORABLE } from "../db/storable.ts";
import { badInput } from "../errors.ts";

const text = (most: number) => z.string().max(most).refine(isStorable, { error: NOT_STORABLE });
/** What has to say something where it is given at all. */
const said = (most: number) => text(most).refine((given) => !isBlank(given), { error: "must not be empty or blank" });
const names = z.array(said(500)).max(100);
/** Enough for notes of a machine; what is larger belongs into a file. */
const LARGEST_METADATA_BYTES = 65_536;

/** What a caller may say of a task, new or known. null clears what may be empty. */
export const TaskFields = z.object({
  title: said(200).nullish(),
  description: said(100_000).optional(),
  generatorName: said(50).nullish(),
  kind: z.enum(["task", "project", "session", "research"]).optional(),
  priority: z.int().min(0).max(4).optional(),
  labels: z
    .array(said(100))
    .max(50)
    .transform((labels) => [...new Set(labels)])
    .optional(),
  inputs: names.nullish(),
  expectedOutputs: names.nullish(),
  contextNotes: text(100_000).nullish(),
  metadata: z
    .record(z.string(), z.unknown())
    .superRefine((metadata, ctx) => {
      const fault = jsonFault(metadata, LARGEST_METADATA_BYTES);
      if (fault) ctx.addIssue(fault);
    })
    .optional(),
  dueDate: z.date().nullish(),
  branchName: said(255).nullish(),
});

/** The fields as a caller gives them, before they are checked. */
export type Given<Fields extends z.ZodObject> = { readonly [Field in keyof z.output<Fields>]?: unknown };

/** What also comes with the work. */
export const TaskChanges = TaskFields.extend({
  commitHash: z
    .string()
    .regex(/^[0-9a-f]{7,64}$/, "7 to 64 hexadecimal digits in lower case")
    .nullish(),
  prNumber: z.int().min(1).nullish(),
});

/** Every fault in one line each: `tasks[2].priority: …`. */
export function faultsOf(error: z.ZodError, at = ""): string[] {
  return error.issues.map((issue) => {
    const where = issue.path.reduce<string>(
      (place, step) => (typeof step === "number" ? `${place}[${step}]` : `${place && `${place}.`}${String(step)}`),
      at,
    );
    return where ? `${where}: ${inWords(issue)}` : inWords(issue);
  });
}

const COUNTED: Readonly<Record<string, string>> = { string: "characters", array: "entries" };

/** What would be right, in plain words; the validator's own are about types and operators. */
function inWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return "must not be empty";
      return `must ${amount("at least", issue.minimum, issue.origin)}`;
    case "too_big":
      return `must ${amount("at most", issue.maximum, issue.origin)}`;
    case "invalid_type":
      return `must be of the type ${issue.expected}`;
    case "invalid_value":
      return `must be one of ${issue.values.join(", ")}`;
    default:
      return issue.message;
  }
}

function amount(bound: string, limit: number | bigint, origin: string): string {
  const counted = COUNTED[origin];
  return counted === undefined ? `be ${bound} ${limit}` : `have ${bound} ${limit} ${counted}`;
}

/** The seeds' text. @throws BAD_USER_INPUT */
export async function requireFutureDueDates({ db }: Context, dueDates: readonly Date[]): Promise<void> {
  if (dueDates.length === 0) return;
  const [judged] = await db.read<{ future: boolean }>(
    "SELECT bool_and(due > docket_now()) AS future FROM unnest($1::timestamptz[]) due",
    [dueDates],
  );
  if (!judged?.future) throw badInput("Due date must be in the future");
}
