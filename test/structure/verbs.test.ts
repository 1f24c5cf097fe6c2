import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

/** The files of the server that name one of these. */
const naming = (...names: readonly string[]) =>
  globSync(["src/**/*.ts", "schema/**/*.ts"])
    .filter((file) => names.some((name) => new RegExp(`\\b${name}\\(`).test(readFileSync(file, "utf8"))))
    .sort();

it("leaves the idempotency key to what makes verbs, and mutations to what makes those of verbs", () => {
  expect(naming("atMostOnce", "keyedRequest")).toEqual(["src/access/verb.ts", "src/db/idempotency.ts"]);
  expect(naming("mutationField", "mutationFields", "fieldWithInput")).toEqual(["schema/mutation.ts"]);
});
