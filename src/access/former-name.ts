import { badInput } from "../errors.ts";

type Said<Name extends string> = { readonly [Field in Name]?: string | null | undefined };

/**
 * What is said under the name that a field has, or under the one that it had first.
 * @throws BAD_USER_INPUT where the two contradict each other.
 */
export function byEitherName<Name extends string>(input: Said<Name>, name: Name, former: Name): string | null {
  const said = input[name] ?? input[former] ?? null;
  if ((input[former] ?? said) !== said)
    throw badInput(`${former} is what ${name} was called first, and here they say two things. Send ${name} alone.`);
  return said;
}

/**
 * What identifies a request under its key: by either name of the field the same, as older servers kept it.
 * @throws BAD_USER_INPUT as byEitherName does.
 */
export function identityByFormer<Name extends string>(input: Said<Name>, name: Name, former: Name): object {
  const said = byEitherName(input, name, former);
  return { ...input, [name]: undefined, ...(said !== null && { [former]: said }) };
}
