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

it("compares no text with a regular expression in toMatchObject, which takes one for an object that asks for nothing", () => {
  const empty = globSync("test/**/*.ts").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/toMatchObject\((?:(?!\);).)*?(?<!\w)\w+: \/[^/*].*/gs)].map(
      ({ 0: call }) => `${file}: ${call.slice(0, 100)}`,
    ),
  );
  expect(empty).toEqual([]);
});
