import { type GraphQLNamedType, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../schema/index.ts";

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
}

/** The type and all that GraphiQL shows of it: `Type.field`, `Type.field(argument:)`, `Enum.VALUE`. */
function partsOf(type: GraphQLNamedType): (readonly [string, Described])[] {
  const own = [[type.name, type]] as const;
  if (isEnumType(type))
    return [...own, ...type.getValues().map((value) => [`${type.name}.${value.name}`, value] as const)];
  if (isInputObjectType(type))
    return [...own, ...Object.values(type.getFields()).map((field) => [`${type.name}.${field.name}`, field] as const)];
  if (!isObjectType(type) && !isInterfaceType(type)) return [...own];
  const fields = Object.values(type.getFields()).flatMap((field) => [
    [`${type.name}.${field.name}`, field] as const,
    ...field.args.map((arg) => [`${type.name}.${field.name}(${arg.name}:)`, arg] as const),
  ]);
  return [...own, ...fields];
}

test("every type, field, argument and enum value of the schema says what it is", () => {
  const parts = Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith("__"))
    .flatMap(partsOf);
  expect(parts.length).toBeGreaterThan(500);
  const silent = parts.filter(([, { description }]) => !/\w{2}/.test(description ?? ""));
  expect(silent.map(([place]) => place)).toEqual([]);
});
