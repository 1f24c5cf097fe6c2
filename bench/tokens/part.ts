import { startWorld } from "../world.ts";
import { figuresOf, goals, report } from "./report.ts";
import { countAll } from "./run.ts";

/** The whole of it: counting takes no longer in short. */
export async function tokensPart() {
  await using world = await startWorld({ profile: undefined });
  const result = await countAll(world, { sizes: [50, 500, 5_000], cycles: 10 });
  return { report: report(result), figures: figuresOf(result), ok: goals(result).every(({ ok }) => ok) };
}
