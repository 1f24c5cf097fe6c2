import { readFile, writeFile } from "node:fs/promises";
import type { Environment } from "../environment.ts";
import { chart } from "./chart.ts";
import { markdown } from "./report.ts";
import type { Row } from "./summary.ts";

const docs = new URL("../../docs/", import.meta.url);
const CONNECTIONS_OF_CHART = 32;
const BEGIN = "<!-- begin: npm run bench -- compare --save -->";
const END = "<!-- end -->";

export interface Published extends Environment {
  readonly postgres: string;
  readonly rows: readonly Row[];
}

/** Writes a whole run where people read it: the table and the chart of docs/benchmarks.md, and the same as JSON. */
export async function publish(run: Published): Promise<void> {
  const page = new URL("benchmarks.md", docs);
  await writeFile(page, withTable(await readFile(page, "utf8"), run));
  await writeFile(new URL("compare.svg", docs), chart(run.rows, CONNECTIONS_OF_CHART));
  await writeFile(new URL("compare.json", docs), json(run));
}

export const json = (run: Published): string => `${JSON.stringify(run, null, 2)}\n`;

/** The page with the run's table between its two marks. @throws Error without them. */
function withTable(page: string, run: Published): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for the table: ${BEGIN} … ${END}`);
  const { processors, platform, node, postgres, commit, date, rows } = run;
  const where = `On ${processors} processors (${platform}), Node ${node}, PostgreSQL ${postgres}, commit ${commit}, ${date}:`;
  return `${page.slice(0, from)}${BEGIN}\n\n${where}\n\n${markdown(rows)}\n\n${page.slice(to)}`;
}
