import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import type { Verb } from "../../src/access/verb.ts";

/** The files of the server that name one of these. */
const naming = (...names: readonly string[]) =>
  globSync(["src/**/*.ts", "schema/**/*.ts"])
    .filter((file) => names.some((name) => new RegExp(`\\b${name}\\(`).test(readFileSync(file, "utf8"))))
    .sort();

it("leaves the idempotency key to what makes verbs, and mutations to what makes those of verbs", () => {
  expect(naming("atMostOnce", "keyedRequest")).toEqual(["src/access/idempotency.ts", "src/access/verb.ts"]);
  expect(naming("mutationField", "mutationFields", "fieldWithInput")).toEqual(["schema/mutation.ts"]);
});

it("calls every verb as it is declared", async () => {
  const names: [declared: string, exported: string][] = [];
  for (const file of naming("verb", "taskVerb", "verbWithOwnKey"))
    for (const [exported, value] of Object.entries<object>(await import(resolve(file))))
      if ("declared" in value) names.push([(value as Verb<object, object>).declared.name, exported]);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter(([declared, exported]) => declared !== exported)).toEqual([]);
});
