import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { SETTINGS } from "../../src/config/config.ts";
import { withSettings } from "../../src/config/readme.ts";

test("the README tells every setting of the server as it is; `npm run settings` prints them there", async () => {
  const readme = await readFile("README.md", "utf8");
  for (const name of SETTINGS.keys()) expect(readme).toContain(`| \`${name}\` `);
  expect(withSettings(readme)).toBe(readme);
});
