import type { Part, PartOptions } from "../part.ts";
import { makeScratchDatabase } from "../scratch-database.ts";
import { table } from "../table.ts";
import { measureInitialize } from "./mcp.ts";
import { figures, measurements, SOURCES, type Targets } from "./report.ts";
import { measureStarts } from "./run.ts";

const LONG = 9;
const SHORT = 3;

export const startPart: Part = ({ short, ...around }) => starts(short ? SHORT : LONG, around);

interface Around extends Pick<PartOptions, "interrupted" | "print"> {
  /** The command of an installed package, in place of this clone's. */
  readonly docket?: string;
  readonly targets?: Targets;
}

export async function starts(times: number, { targets = SOURCES, ...around }: Around) {
  const scratch = await makeScratchDatabase(process.env["DATABASE_URL"]);
  try {
    const all = await measureStarts({ times, scratch, ...around });
    const initialized = await measureInitialize({ times, ...around });
    const rows = measurements(all, initialized, targets);
    return { report: table(rows), figures: figures(all, initialized), ok: rows.every(({ ok }) => ok) };
  } finally {
    await scratch.drop();
  }
}
