import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { printedSchema, printedVerbs } from "../../schema/index.ts";

it("keeps schema/schema.graphql as the server prints it (npm run schema)", () => {
  expect(readFileSync("schema/schema.graphql", "utf8")).toBe(printedSchema());
});

it("keeps schema/verbs.json as the server prints it (npm run schema)", () => {
  expect(readFileSync("schema/verbs.json", "utf8")).toBe(printedVerbs());
});
