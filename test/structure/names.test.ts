import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const PRODUCT = ["src/**/*.ts", "client/*.ts", "client/node/*.ts", "mcp/**/*.ts", "cli/**/*.ts"];

/** The files of each name that such a declaration gives. */
function filesByName(declaration: RegExp, ...files: string[]): [name: string, files: string[]][] {
  const declared = globSync(files).flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(declaration)].map(([, name = ""]) => ({ name, file })),
  );
  return [...Map.groupBy(declared, ({ name }) => name)].map(([name, all]) => [
    name,
    all.map(({ file }) => file).sort(),
  ]);
}

it("gives no two types that files share the same name", () => {
  const shared = filesByName(/^export (?:abstract )?(?:interface|class|type) (\w+)/gm, ...PRODUCT);
  expect(shared.filter(([, files]) => files.length > 1)).toEqual([]);
});

it("gives no two statements one name, as a connection that has prepared the one refuses the other", () => {
  const named = /(?:name: |[sS]tatement\(\s*)["`]([^"`]+)["`],\s*(?:text: |\()/g;
  const statements = filesByName(named, "src/**/*.ts", "schema/**/*.ts");
  expect(statements.length).toBeGreaterThan(100);
  expect(statements.filter(([, files]) => files.length > 1)).toEqual([]);
});

it("lets a word of the domain mean one thing, in tests and benchmarks too", () => {
  const words = /^\s*(?:export )?(?:abstract )?(?:interface|class|type) (Answer|Attempt|Outcome|Page)\b(?=[ <=])/gm;
  expect(filesByName(words, ...PRODUCT, "schema/**/*.ts", "bench/**/*.ts", "test/**/*.ts").sort()).toEqual([
    ["Answer", ["src/access/idempotency.ts"]],
    ["Page", ["src/db/page.ts"]],
  ]);
});
