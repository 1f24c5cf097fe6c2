import { globSync, readFileSync } from "node:fs";
import { BreakingChangeType, findSchemaChanges, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { releasedSchema } from "../compat/coverage.ts";
import { releasedDocuments } from "../compat/released-client.ts";

/** What CHANGELOG.md says of the version to come; breaking changes stand there in graphql-js's own words. */
const unreleased =
  globSync("CHANGELOG.md")
    .flatMap((file) => readFileSync(file, "utf8").split(/^## /m))
    .find((section) => /^\[?Unreleased/i.test(section)) ?? "";

describe("the schema since the last release", () => {
  it("breaks nothing that CHANGELOG.md does not name, word for word", () => {
    const unsaid = findSchemaChanges(releasedSchema, schema)
      .filter(({ type }) => type in BreakingChangeType)
      .map(({ description }) => description)
      .filter((description) => !unreleased.includes(description));
    expect(unsaid).toEqual([]);
  });

  it.each(["mcp", "readme", "wide"] as const)("understands every document of test/compat/%s.graphql", (name) => {
    const faults = Object.entries(releasedDocuments(name)).flatMap(([operation, document]) =>
      validate(schema, document).map(({ message }) => `${operation}: ${message}`),
    );
    expect(faults).toEqual([]);
  });
});
