import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("gives every test of a file a title of its own", () => {
  const twice = globSync("test/**/*.test.ts").flatMap((file) => {
    const titles = [...readFileSync(file, "utf8").matchAll(/^\s*(?:it|test)(?:\.\w+)*\(\s*(["'`])(.+?)\1/gm)].map(
      ([, , title]) => title,
    );
    return titles.filter((title, i) => titles.indexOf(title) !== i).map((title) => `${file}: ${title}`);
  });
  expect(twice).toEqual([]);
});
