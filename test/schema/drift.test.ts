import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { printedSchema } from "../../schema/index.ts";

it("keeps schema/schema.graphql as the server prints it (npm run schema)", () => {
  expect(readFileSync("schema/schema.graphql", "utf8")).toBe(printedSchema());
});
