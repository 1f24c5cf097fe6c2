import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { tools } from "../../mcp/registry.ts";

test("the README's table of tools names each in the order in which clients list them, and no other", async () => {
  const readme = await readFile("README.md", "utf8");
  const [, table = ""] = /^\| tool .*\n\|[-| ]+\|\n((?:\|.*\n)+)/m.exec(readme) ?? [];
  const named = table
    .trimEnd()
    .split("\n")
    .map((row) => row.split("|")[1]?.trim());
  expect(named).toEqual(tools.map(({ name }) => `\`${name}\``));
});
