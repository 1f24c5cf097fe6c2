import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

/** The files that hold such a text. */
const holding = (text: RegExp, ...files: string[]) =>
  globSync(files)
    .filter((file) => text.test(readFileSync(file, "utf8")))
    .sort();

it("lets every event of the server come in by one door, which takes who acts from one place", () => {
  const code = ["src/**/*.ts", "schema/**/*.ts", "mcp/**/*.ts", "cli/**/*.ts", "client/**/*.ts", "prisma/*.ts"];
  expect(holding(/INSERT\s+INTO\s+event/i, ...code)).toEqual(["src/log/write/append.ts"]);
  expect(holding(/\bact_as\(/, ...code)).toEqual(["src/access/act-as.ts"]);
});

it("leaves events from within the database in these functions alone, and the log itself to its drain", () => {
  expect(holding(/INSERT\s+INTO\s+event/i, "prisma/functions/*.sql")).toEqual([
    "prisma/functions/adopt_task_numbers.sql",
    "prisma/functions/drain.sql",
    "prisma/functions/give_ids.sql",
    "prisma/functions/return_numbers.sql",
    "prisma/functions/spend_budget.sql",
    "prisma/functions/tell_blocked.sql",
    "prisma/functions/tell_spent.sql",
  ]);
});
