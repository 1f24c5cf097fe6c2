import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../../src/errors.ts";

test("the README's table of errors names every code once, and no other", async () => {
  const readme = await readFile("README.md", "utf8");
  const [, table = ""] = /^\| code .*\n((?:\|.*\n)+)/m.exec(readme) ?? [];
  const named = table.split("\n").flatMap((row) => row.split("|")[1]?.match(/[A-Z_]{2,}/g) ?? []);
  expect(named.toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
});
