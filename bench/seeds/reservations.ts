import { below, burst, type Measurement, merge, type Sample } from "../measure.ts";
import { seedProject, type World } from "../world.ts";
import { ReserveBenchIds, WhereSequenceStands } from "./documents.ts";

const AT_ONCE = 50;
const COUNT = 6;
const ROUNDS = 5;

/** One hot sequence, a new one each round; the first round only warms up. */
export async function concurrentReservations(world: World): Promise<Measurement[]> {
  const samples: Sample[] = [];
  const distinct: number[] = [];
  const counters: (string | null | undefined)[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const projectId = `reserve-${round}`;
    await seedProject(world, projectId, 0);
    const ids = new Set<string>();
    const sample = await burst(AT_ONCE, async () => {
      const input = { projectId, artifactType: "US", count: COUNT };
      const { reserveIds } = await world.request(ReserveBenchIds, { input });
      for (const id of reserveIds.reservedIds ?? []) ids.add(id);
    });
    if (round === 0) continue;
    samples.push(sample);
    distinct.push(ids.size);
    const { idRegistry } = await world.request(WhereSequenceStands, { projectId, artifactType: "US" });
    counters.push(idRegistry[0]?.lastAssigned);
  }
  const all = AT_ONCE * COUNT;
  const least = Math.min(...distinct);
  const last = counters.find((counter) => counter !== `US-${all}`) ?? `US-${all}`;
  return [
    below(`${AT_ONCE} reservations of ${COUNT} at once, ${ROUNDS} rounds`, merge(samples), 0.95, 100),
    { what: "  distinct IDs", measured: `${least}`, target: `${all}`, ok: least === all },
    { what: "  counter", measured: `${last}`, target: `US-${all}`, ok: last === `US-${all}` },
  ];
}
