import { setTimeout as delay } from "node:timers/promises";
import { createRequest } from "../../client/request.ts";
import { below, inSequence, type Measurement, milliseconds, percentile } from "../measure.ts";
import { ClaimBenchTask, SearchBenchTasks } from "../seeds/documents.ts";
import { seedProject, startWorld } from "../world.ts";

const CLAIMS = 60;
const LISTS_AT_ONCE = 100;
const LATEST_CHANGE = { field: "UPDATED_AT", direction: "DESC" } as const;

/** Enough for a list query to be slow: all of these fit the text, and all have to be sorted and counted. */
const TASKS = 20_000;

/** What one key's claims take while another key keeps 100 slow list queries open, and without them. */
export async function fairness({ print }: { readonly print: (line: string) => void }): Promise<Measurement[]> {
  await using world = await startWorld({ profile: undefined });
  await seedProject(world, "slow", TASKS);
  await seedProject(world, "quick", 10 * CLAIMS);
  const { url } = world;
  const hungry = createRequest({ url, apiKey: world.apiKey, clientId: "hungry", timeoutMs: 60_000 });
  const claiming = createRequest({ url, apiKey: world.adminKey, clientId: "claiming" });
  const claim = () => claiming(ClaimBenchTask, { input: { projectId: "quick" } });

  await inSequence(CLAIMS, claim);
  print("claims alone …");
  const alone = await inSequence(CLAIMS, claim);

  print(`claims beside ${LISTS_AT_ONCE} slow list queries …`);
  let over = false;
  const lists: number[] = [];
  let refused = 0;
  const asking = Array.from({ length: LISTS_AT_ONCE }, async () => {
    while (!over) {
      const began = performance.now();
      await hungry(SearchBenchTasks, { text: "benchmark", orderBy: LATEST_CHANGE }).catch(() => refused++);
      lists.push(performance.now() - began);
    }
  });
  // Until each could have been answered once, the queue is still filling.
  while (lists.length < LISTS_AT_ONCE) await delay(50);
  const beside = await inSequence(CLAIMS, claim);
  over = true;
  await Promise.all(asking);

  return [
    {
      what: `claim alone, ${CLAIMS} times`,
      measured: `p50 ${milliseconds(percentile(alone.durations, 0.5))}`,
      target: "",
      ok: alone.errors === 0,
      ms: percentile(alone.durations, 0.5),
    },
    below(`claim beside ${LISTS_AT_ONCE} slow list queries of another key`, beside, 0.5, 100),
    { what: "  the longest", measured: milliseconds(Math.max(...beside.durations)), target: "", ok: true },
    {
      what: "  these list queries",
      measured: `p50 ${milliseconds(percentile(lists, 0.5))}, ${refused} refused of ${lists.length}`,
      target: "0 refused",
      ok: refused === 0,
    },
  ];
}
