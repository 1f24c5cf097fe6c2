import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { TOOLSETS } from "../../mcp/registry.ts";

test("the README's tables of tools name each in the order in which clients list them, and no other", async () => {
  const readme = await readFile("README.md", "utf8");
  const tables = [...readme.matchAll(/^\| tool .*\n\|[-| ]+\|\n((?:\|.*\n)+)/gm)].map(([, table = ""]) =>
    table
      .trimEnd()
      .split("\n")
      .map((row) => row.split("|")[1]?.trim()),
  );
  expect(tables).toEqual(Object.values(TOOLSETS).map((tools) => tools.map(({ name }) => `\`${name}\``)));
});
