import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Measurement, merge, milliseconds, openLoop, percentile, type Sample } from "../measure.ts";
import { ClaimBenchTask } from "../seeds/documents.ts";
import { ServerProcess } from "../server-process.ts";
import { seedProject, startWorld } from "../world.ts";
import type { Flood } from "./flood.ts";

const PER_SECOND = 2_000;
/** Of another key and address, meanwhile. */
const CLAIMS_PER_SECOND = 20;
const SECONDS = 5;
const ROUNDS = 6;
/** A flood of another process takes the same processors: what is left of the difference is what the keys cost. */
const MOST = 1.5;

/**
 * What claims take while one address sends wrong keys, beside what they take while the same goes to another server process
 * of the same machine, by turns. Limits are those of a server that sets nothing.
 */
export async function wrongKeys({ print }: { readonly print: (line: string) => void }): Promise<Measurement[]> {
  await using opened = new AsyncDisposableStack();
  const world = opened.use(await startWorld({ profile: undefined, limits: true }));
  await seedProject(world, "claimed", CLAIMS_PER_SECOND * SECONDS * (2 * ROUNDS + 3));
  const home = await mkdtemp(join(tmpdir(), "docket-bench-"));
  opened.defer(() => rm(home, { recursive: true, force: true }));
  const other = new ServerProcess({ databaseUrl: world.databaseUrl, home });
  process.once("exit", () => other.killNow());
  opened.defer(() => other.stop());
  await other.start();
  const flooder = fork(new URL("flood.ts", import.meta.url));
  opened.defer(async () => void flooder.kill());

  const claims = () =>
    openLoop(CLAIMS_PER_SECOND, SECONDS, () => world.request(ClaimBenchTask, { input: { projectId: "claimed" } }));
  const answers: Record<"same" | "other", Record<string, number>[]> = { same: [], other: [] };
  async function flooded(whom: "same" | "other"): Promise<Sample> {
    const url = whom === "same" ? world.url : other.url;
    const flood: Flood = { url, perSecond: PER_SECOND, seconds: SECONDS };
    flooder.send(flood);
    const [sample, [answered]] = await Promise.all([claims(), once(flooder, "message")]);
    answers[whom].push(answered);
    return sample;
  }

  print("claims alone …");
  await claims();
  const alone = await claims();
  print(`${ROUNDS} rounds of each flood …`);
  await flooded("same");
  const [same, control]: [Sample[], Sample[]] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    control.push(await flooded("other"));
    same.push(await flooded("same"));
  }
  const p99 = ({ durations }: Sample) => percentile(durations, 0.99);
  const told = (what: string, sample: Sample, flood: readonly Record<string, number>[] = []): Measurement => ({
    what,
    measured: `p50 ${milliseconds(percentile(sample.durations, 0.5))}, p99 ${milliseconds(p99(sample))}${rate(flood)}`,
    target: "0 errors",
    ok: sample.errors === 0,
    ms: p99(sample),
  });
  const ratio = p99(merge(same)) / p99(merge(control));
  return [
    told("claims alone", alone),
    told("claims while another process is sent wrong keys", merge(control), answers.other),
    told("claims while the same process is sent wrong keys", merge(same), answers.same),
    {
      what: "  the last to the one before",
      measured: `p99 × ${ratio.toFixed(2)}`,
      target: `≤ ${MOST}`,
      ok: ratio <= MOST,
    },
  ];
}

/** How many of the wrong keys were answered, and how. */
function rate(flood: readonly Record<string, number>[]): string {
  const sums = new Map<string, number>();
  for (const answered of flood)
    for (const [status, count] of Object.entries(answered)) sums.set(status, (sums.get(status) ?? 0) + count);
  const seconds = flood.length * SECONDS;
  return [...sums].map(([status, count]) => `, ${Math.round(count / seconds)}/s ${status}`).join("");
}
