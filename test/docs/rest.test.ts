import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ROUTES } from "../../src/http/rest/routes.ts";

test("the README's table of REST routes names each, and no other", async () => {
  const readme = await readFile("README.md", "utf8");
  const [, table = ""] = /^\| route .*\n\|[-| ]+\|\n((?:\|.*\n)+)/m.exec(readme) ?? [];
  const rows = table
    .trimEnd()
    .split("\n")
    .map((row) => row.split("|")[1]?.trim());
  expect(rows.toSorted()).toEqual(ROUTES.map(({ method, path }) => `\`${method} ${path}\``).toSorted());
});
