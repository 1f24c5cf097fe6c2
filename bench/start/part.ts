import type { Part, PartOptions } from "../part.ts";
import { makeScratchDatabase } from "../scratch-database.ts";
import { table } from "../table.ts";
import { figures, measurements } from "./report.ts";
import { measureStarts } from "./run.ts";

const LONG = 9;
const SHORT = 3;

export const startPart: Part = ({ short, ...around }) => starts(short ? SHORT : LONG, around);

export async function starts(times: number, around: Pick<PartOptions, "interrupted" | "print">) {
  const scratch = await makeScratchDatabase(process.env["DATABASE_URL"]);
  try {
    const all = await measureStarts({ times, scratch, ...around });
    const rows = measurements(all);
    return { report: table(rows), figures: figures(all), ok: rows.every(({ ok }) => ok) };
  } finally {
    await scratch.drop();
  }
}
