import { builder } from "./builder.ts";

/**
 * The enum of a choice: `in_progress` becomes IN_PROGRESS, `createdAt` CREATED_AT. The type argument names its values, and
 * one that has no description does not compile.
 */
export function choiceEnum<Value extends string = never>(
  name: string,
  description: string,
  values: Readonly<Record<NoInfer<Value>, string>>,
) {
  const described = Object.entries<string>(values).map(([value, description]) => [
    value.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase(),
    { value: value as Value, description },
  ]);
  return builder.enumType(name, {
    description,
    values: Object.fromEntries(described) as Record<string, { value: Value; description: string }>,
  });
}
