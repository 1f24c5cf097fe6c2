import { readFileSync } from "node:fs";
import {
  buildSchema,
  type GraphQLInputType,
  getNullableType,
  isInputObjectType,
  isInputType,
  isInterfaceType,
  isListType,
  isObjectType,
  TypeInfo,
  typeFromAST,
  visit,
  visitWithTypeInfo,
} from "graphql";
import type { Json, Sent } from "./released-client.ts";

/** The schema that the clients in use were written for. */
export const releasedSchema = buildSchema(readFileSync("schema/released.graphql", "utf8"));

/** Every place of the released schema that a client can name: `Type.field`, `Type.field(argument:)`, `Input.field`. */
export function everythingOf(): string[] {
  return Object.values(releasedSchema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith("__")) return [];
    if (isObjectType(type) || isInterfaceType(type))
      return Object.values(type.getFields()).flatMap((field) => [
        `${type.name}.${field.name}`,
        ...field.args.map((arg) => `${type.name}.${field.name}(${arg.name}:)`),
      ]);
    return isInputObjectType(type) ? Object.keys(type.getFields()).map((field) => `${type.name}.${field}`) : [];
  });
}

/** The places that an operation names, in its document or its variables. */
export function asksFor({ document, variables }: Sent): string[] {
  const places: string[] = [];
  const info = new TypeInfo(releasedSchema);
  visit(
    document,
    visitWithTypeInfo(info, {
      Field() {
        places.push(`${info.getParentType()?.name}.${info.getFieldDef()?.name}`);
      },
      Argument(node) {
        places.push(`${info.getParentType()?.name}.${info.getFieldDef()?.name}(${node.name.value}:)`);
      },
      VariableDefinition(node) {
        const type = typeFromAST(releasedSchema, node.type);
        if (isInputType(type)) places.push(...given(type, variables[node.variable.name.value]));
      },
    }),
  );
  return places;
}

function given(type: GraphQLInputType, value: Json | undefined): string[] {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return Array.isArray(value) ? value.flatMap((one) => given(nullable.ofType, one)) : [];
  if (!isInputObjectType(nullable) || typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = nullable.getFields()[name];
    return field ? [`${nullable.name}.${name}`, ...given(field.type, inner)] : [];
  });
}
