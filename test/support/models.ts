import { readFileSync } from "node:fs";

/** The table of each model, as schema.prisma maps it. */
export const TABLE_OF: ReadonlyMap<string, string> = new Map(
  [...readFileSync("prisma/schema.prisma", "utf8").matchAll(/^model (\w+) \{[^}]*@@map\("(\w+)"\)/gm)].map(
    ([, model = "", table = ""]) => [model, table],
  ),
);
