import { z } from "zod";
import { SETTINGS } from "./config.ts";
import { aboutOf } from "./setting.ts";

const TABLE = /(?<=<!-- settings: printed by `npm run settings` -->\n).*?(?=<!-- end of settings -->)/s;

/** The README with the table of the server's settings as they are now. */
export function withSettings(readme: string): string {
  const rows = [...SETTINGS].map(([name, schema]) => {
    const { meaning, unset = defaultOf(schema) } = aboutOf(name, schema);
    return [`\`${name}\``, unset, meaning];
  });
  return readme.replace(TABLE, () => `\n${tableOf([["variable", "default", "meaning"], ...rows])}\n\n`);
}

/** In Markdown, the first row as its head, the columns as wide as the formatter makes them. */
export function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width) => "-".repeat(width));
  const lines = [head, rule, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** What a schema makes of nothing, in Markdown. */
function defaultOf(schema: z.core.$ZodType): string {
  const { data } = z.safeParse(schema, undefined);
  if (data === undefined) return "";
  const text = String(data);
  return text === "" || typeof data === "number" ? text : `\`${text}\``;
}
