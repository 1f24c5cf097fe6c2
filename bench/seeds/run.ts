import type { Measurement } from "../measure.ts";
import { startWorld, type World } from "../world.ts";
import { concurrentNext } from "./concurrent-next.ts";
import { fiveProjects } from "./five-projects.ts";
import { indexedQuery } from "./indexed-query.ts";
import { liveDelivery } from "./live-delivery.ts";
import { mcpTool } from "./mcp-tool.ts";
import { projectStatus } from "./project-status.ts";
import { concurrentReservations } from "./reservations.ts";
import { restCalls } from "./rest.ts";
import { singleCalls } from "./single-calls.ts";
import { steadyLoad } from "./steady-load.ts";

export interface BenchOptions {
  /** How long a steady load lasts. */
  readonly seconds: number;
  /** A folder for a CPU profile of the server. */
  readonly profile: string | undefined;
  readonly print: (line: string) => void;
}

type Benchmark = (world: World, options: BenchOptions) => Promise<Measurement[]>;

/** One call after another, or all at once, as fast as the server can. */
const AS_FAST_AS_CAN_BE: Readonly<Record<string, Benchmark>> = {
  "single calls": singleCalls,
  "indexed query": indexedQuery,
  "project status": projectStatus,
  "concurrent nextTask": concurrentNext,
  "concurrent reservations": concurrentReservations,
  "five projects": fiveProjects,
  "live delivery": liveDelivery,
  "MCP tools": mcpTool,
  REST: restCalls,
};
/** At a rate that the limits of a server as it comes have room for. */
const AT_A_RATE: Readonly<Record<string, Benchmark>> = { "steady load": steadyLoad };

/** The times that the scenarios of the requirements name, each on a server of this run. */
export async function seeds(options: BenchOptions): Promise<Measurement[]> {
  return [
    ...(await measure(AS_FAST_AS_CAN_BE, { ...options, limits: false })),
    ...(await measure(AT_A_RATE, { ...options, limits: true })),
  ];
}

async function measure(
  benchmarks: Readonly<Record<string, Benchmark>>,
  options: BenchOptions & { readonly limits: boolean },
): Promise<Measurement[]> {
  await using world = await startWorld(options);
  const measurements: Measurement[] = [];
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    options.print(`${name} …`);
    measurements.push(...(await benchmark(world, options)));
  }
  return measurements;
}
