import { isInterfaceType, isObjectType } from "graphql";
import { expect, test } from "vitest";
import { schema } from "../../schema/index.ts";
import { DEFAULT_SIZE } from "../../src/db/page.ts";

test("every list that comes in pages says the size of a page in the schema", () => {
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) || isInterfaceType(type));
  const sizes = types.flatMap((type) =>
    Object.values(type.getFields()).flatMap(({ name, args }) =>
      args.filter((arg) => arg.name === "first").map((first) => [`${type.name}.${name}`, first.defaultValue]),
    ),
  );
  expect(sizes.length).toBeGreaterThan(8);
  expect(sizes).toEqual(sizes.map(([field]) => [field, DEFAULT_SIZE]));
});
