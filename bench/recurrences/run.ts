import { setTimeout as delay } from "node:timers/promises";
import { SWEEP_LOCK } from "../../src/schedule/due-instances.ts";
import { type Measurement, percentile } from "../measure.ts";
import { ClaimBenchTask, ReserveBenchIds } from "../seeds/documents.ts";
import { seedProject, startWorld, type World } from "../world.ts";

const WORK = "work";
const RECURRING = "recurring";
const CLAIMERS = 16;
const RESERVERS = 4;
/** How long the sweep is on, and off, at a time. */
const WINDOW_MS = 1_500;
/** Enough for the longest run. */
const TASKS = 60_000;

export interface RecurrencesOptions {
  readonly templates: number;
  readonly print: (line: string) => void;
}

/**
 * Makes the instances of a day for so many daily templates while others claim and reserve. The sweep is switched on and off
 * by turns, as claims become slower in the course of any run: the lock behind which one process sweeps is taken from it.
 */
export async function recurrences({ templates, print }: RecurrencesOptions): Promise<Measurement[]> {
  await using world = await startWorld({ profile: undefined });
  const { owner } = world;
  await seedProject(world, WORK, TASKS);
  await seedProject(world, RECURRING, 0);
  print(`${templates} daily templates with their first instances …`);
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
     SELECT $1, artifact_id('TASK', n), 'benchmark ' || n, date_trunc('day', docket_now()) + interval '1 day 9 hours', 'daily'
     FROM generate_series(1, $2::int) n`,
    [RECURRING, templates],
  );
  while ((await made(world)) < templates) await delay(200);

  await switchSweep(world, "off");
  await owner.query(
    `INSERT INTO clock_offset (moved_by) SELECT date_trunc('day', docket_now()) + interval '2 days' - docket_now()`,
  );
  print("the next day, the sweep on and off by turns …");
  const done = { claims: 0, reservations: 0 };
  const stopped = new AbortController();
  const load = Promise.all([
    ...repeated(CLAIMERS, stopped.signal, async () => {
      const { claimNextTask } = await world.request(ClaimBenchTask, { input: { projectId: WORK } });
      if (!claimNextTask?.task) throw new Error("A claim took nothing: there are too few tasks.");
      done.claims++;
    }),
    ...repeated(RESERVERS, stopped.signal, async () => {
      await world.request(ReserveBenchIds, { input: { projectId: WORK, artifactType: "US", count: 6 } });
      done.reservations++;
    }),
  ]);
  const on: Window[] = [];
  const off: Window[] = [];
  let sweptMs = 0;
  try {
    while ((await made(world)) < 2 * templates) {
      off.push(await during(done));
      await switchSweep(world, "on");
      const since = performance.now();
      on.push(await during(done));
      await switchSweep(world, "off");
      sweptMs += performance.now() - since;
    }
  } finally {
    stopped.abort();
    await load;
  }
  const seconds = sweptMs / 1_000;
  return [
    {
      what: `${templates} daily templates, while ${CLAIMERS} claim and ${RESERVERS} reserve`,
      measured: `${seconds.toFixed(1)} s`,
      target: "< 60 s",
      ok: seconds < 60,
    },
    kept("claims", on, off),
    kept("reservations", on, off),
  ];
}

type Window = Readonly<Record<"claims" | "reservations", number>>;

/** How much was done in a while. */
async function during(done: Window): Promise<Window> {
  const { claims, reservations } = done;
  await delay(WINDOW_MS);
  return { claims: done.claims - claims, reservations: done.reservations - reservations };
}

/** What is kept of the speed while the sweep is on. */
function kept(what: keyof Window, on: readonly Window[], off: readonly Window[]): Measurement {
  const ratios = on.map((window, i) => window[what] / (off[i]?.[what] ?? Number.NaN));
  const median = percentile(ratios, 0.5);
  const perSecond =
    (percentile(
      off.map((window) => window[what]),
      0.5,
    ) *
      1_000) /
    WINDOW_MS;
  return {
    what: `  ${what} meanwhile, of those while it is off`,
    measured: `${median.toFixed(2)} of ${Math.round(perSecond)}/s`,
    target: "≥ 0.5",
    ok: median >= 0.5,
  };
}

const repeated = (count: number, stopped: AbortSignal, act: () => Promise<void>) =>
  Array.from({ length: count }, async () => {
    while (!stopped.aborted) await act();
  });

/** Off: no process gets the lock behind which it sweeps. A batch that is under way is waited for. */
async function switchSweep({ owner }: World, to: "on" | "off"): Promise<void> {
  await owner.query(`SELECT ${to === "off" ? "pg_advisory_lock" : "pg_advisory_unlock"}(${SWEEP_LOCK})`);
}

async function made({ owner }: World): Promise<number> {
  const { rows } = await owner.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM tasks WHERE parent_recurring_task_id IS NOT NULL",
  );
  return rows[0]?.count ?? 0;
}
