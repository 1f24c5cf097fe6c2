import { hash, timingSafeEqual } from "node:crypto";
import type { Context } from "../access/viewer.ts";
import { keyColumns } from "./keys.ts";
import type { AttemptKey } from "./task.ts";

/**
 * An attempt as its holder is given it, like `2-9f86d081884c`: the number, which anybody may know, and the secret,
 * which proves that the caller who shows it was given the attempt. Refusals, events, the history and stored answers
 * have the number only.
 */
export const capability = ({ attempt, secret }: Secret): string => `${attempt}-${secret}`;

interface Secret {
  readonly attempt: number;
  readonly secret: string;
}

/** Whether what the caller gave is this attempt, in a time that tells nothing of the secret. */
export const proves = (given: string, attempt: Secret): boolean =>
  timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", capability(attempt), "buffer"));

/** The number in what a caller gave as its attempt, null when that is no capability at all. */
export function numberOf(given: string): number | null {
  const [, number] = /^([1-9]\d{0,8})-[0-9a-f]{12}$/.exec(given) ?? [];
  return number === undefined ? null : Number(number);
}

const SECRETS = {
  name: "attempt-secrets",
  text: `SELECT a.attempt, a.secret
FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS given (project_id, task_id, attempt, i)
  JOIN task_attempts a USING (project_id, task_id, attempt) ORDER BY given.i`,
};

/** The capabilities of attempts that this caller was given, in the same order. */
export async function capabilities({ db }: Pick<Context, "db">, given: readonly AttemptKey[]): Promise<string[]> {
  if (given.length === 0) return [];
  const found = await db.read<Secret>(SECRETS, [...keyColumns(given), given.map(({ attempt }) => attempt)]);
  // One that is missing would give its neighbours' to others.
  if (found.length !== given.length) throw new Error("There is no such attempt among those that were opened");
  return found.map(capability);
}

/** The same for one; `secret` where the statement that opened the attempt has told it. */
export async function capabilityOf(
  ctx: Pick<Context, "db">,
  { secret, ...key }: AttemptKey & { readonly secret?: string | undefined },
): Promise<string> {
  if (secret !== undefined) return capability({ attempt: key.attempt, secret });
  const [found = ""] = await capabilities(ctx, [key]);
  return found;
}
