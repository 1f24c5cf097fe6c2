import type * as z from "zod";
import type { Context } from "../access/viewer.ts";
import { badInput } from "../errors.ts";

/** Of a check whose message is a sentence that names the field itself. */
export const SENTENCE = { params: { sentence: true } };

/** Every fault in one line each: `tasks[2].priority: …`. */
export function faultsOf(error: z.ZodError, at = ""): string[] {
  return error.issues.map((issue) => {
    if (issue.code === "custom" && issue.params?.["sentence"] === true) return issue.message;
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

/** @throws BAD_USER_INPUT */
export async function requireFutureDueDates({ db }: Context, dueDates: readonly Date[]): Promise<void> {
  if (dueDates.length === 0) return;
  const [judged] = await db.read<{ future: boolean }>(
    "SELECT bool_and(due > docket_now()) AS future FROM unnest($1::timestamptz[]) due",
    [dueDates],
  );
  if (!judged?.future) throw badInput("Due date must be in the future");
}
