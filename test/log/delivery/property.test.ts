import { fc, test } from "@fast-check/vitest";
import type { RunDetails } from "fast-check";
import { expect } from "vitest";
import type { LoggedEvent } from "../../../src/log/read/event.ts";
import type { EventFilter } from "../../../src/log/read/filter.ts";
import { disturb, disturbances } from "./disturbances.ts";
import { type ReaderPlan, read, readerPlans } from "./readers.ts";
import { LONG_TASK, openWorld, TASKS, type World } from "./world.ts";
import { write, writerPlans } from "./writers.ts";

const plan = fc.record({
  writers: writerPlans,
  readers: readerPlans,
  breaks: fc.option(disturbances),
  long: fc.boolean(),
});
/** DELIVERY_RUNS=200 looks longer. */
const numRuns = Number(process.env["DELIVERY_RUNS"] ?? 1);

test.prop([plan], { numRuns, endOnFailure: true, reporter: nameTheSeed })(
  "gives every reader each event once, without a hole and in order per task, whatever breaks",
  async ({ writers, readers, breaks, long }) => {
    await using world = await openWorld();
    const begin = await world.participants[0]?.log.cursor();
    const end = Promise.withResolvers<void>();
    const reading = Promise.all(
      readers.map((reader) =>
        read(
          world,
          reader,
          begin ?? "",
          end.promise.then(() => lastOf(world, reader)),
        ),
      ),
    );
    // One that fails is looked at when the writers are done.
    reading.catch(() => undefined);
    const over = new AbortController();
    const disturbing = breaks ? disturb(world, breaks, over.signal) : undefined;
    const calm = async () => {
      over.abort();
      await disturbing;
    };
    try {
      await write(world, writers, long, calm);
    } finally {
      await calm();
    }
    end.resolve();
    expect((await logMatchesTasks(world)) === LONG_TASK.task).toBe(long);
    for (const [i, events] of (await reading).entries())
      expect(events.map(place)).toEqual(await selected(world, readers[i]?.filter ?? {}));
  },
  numRuns * 120_000,
);

/** The plan itself is thousands of lines long. */
function nameTheSeed<T>({ failed, seed, counterexamplePath, errorInstance }: RunDetails<T>): void {
  if (failed) throw new Error(`Failed with seed ${seed}, path ${counterexamplePath}`, { cause: errorInstance });
}

const place = ({ position, number, projectId, subjectId, payload }: Partial<LoggedEvent>) =>
  `${position}: ${projectId} ${number}, ${subjectId} ${payload?.["version"]}`;

/**
 * Holds the log against the tables: every change that committed and no other, in the order of the row locks, unbroken.
 * @returns the task of the last event.
 */
async function logMatchesTasks({ owner }: World): Promise<string | undefined> {
  const { rows } = await owner.query<{
    position: string;
    number: string;
    project_id: string;
    subject_id: string;
    version: number;
  }>(
    "SELECT position, number, project_id, subject_id, (payload -> 'version')::int AS version FROM events ORDER BY position",
  );
  expect(rows.map(({ position }) => Number(position))).toEqual(rows.map((_, i) => i + 1));
  for (const of of Map.groupBy(rows, ({ project_id }) => project_id).values())
    expect(of.map(({ number }) => Number(number))).toEqual(of.map((_, i) => i + 1));
  const versions = await owner.query<{ project_id: string; task_id: string; version: number }>(
    "SELECT project_id, task_id, version FROM tasks ORDER BY 1, 2",
  );
  expect(versions.rows).toHaveLength(TASKS.length + 1);
  for (const { project_id, task_id, version } of versions.rows) {
    const seen = rows.filter((row) => row.project_id === project_id && row.subject_id === task_id);
    // A task is made with version 1, which no event tells here.
    expect(seen.map((row) => row.version)).toEqual(Array.from({ length: version - 1 }, (_, i) => i + 2));
  }
  const broken = await owner.query(`SELECT FROM (
      SELECT hash, sha256(coalesce(lag(hash) OVER (PARTITION BY project_id ORDER BY number), '')
        || convert_to(log_entry(e), 'UTF8')) AS expected FROM events e) chained
    WHERE hash <> expected`);
  expect(broken.rowCount).toBe(0);
  return rows.at(-1)?.subject_id;
}

/** What a filter selects, said apart from the code that selects it. */
async function selected({ owner }: World, { projects, types, subjects, actors }: EventFilter): Promise<string[]> {
  const { rows } = await owner.query(
    `SELECT position, number, project_id AS "projectId", subject_id AS "subjectId", payload FROM events
     WHERE coalesce(project_id = ANY ($1), true) AND coalesce(event_type = ANY ($2), true)
       AND coalesce(subject_id = ANY ($3), true) AND coalesce(actor = ANY ($4), true) ORDER BY position`,
    [projects, types, subjects?.flatMap(({ ids }) => ids), actors],
  );
  return rows.map(place);
}

async function lastOf(world: World, { filter }: ReaderPlan): Promise<number> {
  return Number.parseInt((await selected(world, filter)).at(-1) ?? "0", 10);
}
