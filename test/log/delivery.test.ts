import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { append } from "../../src/log/append.ts";
import type { LoggedEvent } from "../../src/log/event.ts";
import { ADMIN, contextOf, startLog, type TestProcess, taskEvent } from "./test-log.ts";

/** How a reader behaves: which process it is connected to, and after how many frames it goes away and comes back. */
const readerPlan = fc.record({
  process: fc.nat(2),
  leaveAfter: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 8 }),
});
/** One transaction: its tasks (locked in order), whether it commits, and how long it stays open in between. */
const changePlan = fc.record({
  tasks: fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
  commits: fc.integer({ min: 0, max: 9 }).map((n) => n > 1),
  holdsMs: fc.constantFrom(0, 0, 0, 5, 60),
});
const plan = fc.record({
  writers: fc.array(fc.array(changePlan, { minLength: 1, maxLength: 12 }), { minLength: 4, maxLength: 8 }),
  readers: fc.array(readerPlan, { minLength: 2, maxLength: 5 }),
});

test.prop([plan], { numRuns: 4, endOnFailure: true })(
  "gives every reader each event once, without a hole and in order per task, however writers commit and readers stall",
  async ({ writers, readers }) => {
    const first = await startLog({ settings: { drainIntervalMs: 20, frameIntervalMs: 5 } });
    const fast = { settings: { drainIntervalMs: 20, frameIntervalMs: 1, pollMs: 30 } };
    const processes: TestProcess[] = [first, await first.another(fast), await first.another(fast)];
    const begin = await first.log.cursor();
    const versions = new Map<string, number>();

    const committed = await Promise.all(
      writers.map(async (changes, writer) => {
        const { database } = processes[writer % processes.length] ?? first;
        let events = 0;
        for (const change of changes) {
          const done = await database
            .transaction(async (tx) => {
              for (const task of change.tasks.toSorted()) {
                const key = `TASK-${task}`;
                // The row lock of a task, under which a verb appends.
                await tx.write("SELECT pg_advisory_xact_lock($1)", [task]);
                const version = (versions.get(key) ?? 0) + 1;
                versions.set(key, version);
                await append(contextOf(tx), taskEvent(task % 2 ? "alpha" : "beta", key, { version, writer }));
              }
              await tx.read("SELECT pg_sleep($1)", [change.holdsMs / 1000]);
              if (!change.commits) throw new Rollback();
              return change.tasks.length;
            })
            .catch((error: unknown) => {
              if (error instanceof Rollback) return 0;
              throw error;
            });
          events += done;
        }
        return events;
      }),
    ).then((counts) => counts.reduce((sum, n) => sum + n, 0));

    const read = await Promise.all(readers.map((reader) => readAll(processes, reader, begin, committed)));
    for (const events of read) {
      expect(events.map(({ position }) => position)).toEqual(Array.from({ length: committed }, (_, i) => i + 1));
      for (const of of Map.groupBy(events, ({ projectId }) => projectId).values())
        expect(of.map(({ number }) => number)).toEqual(of.map((_, i) => i + 1));
      for (const of of Map.groupBy(events, ({ subjectId }) => subjectId).values()) {
        const seen = of.map(({ payload }) => Number(payload["version"]));
        expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      }
    }
    const broken = await first.owner.query(`SELECT FROM (
        SELECT hash, sha256(coalesce(lag(hash) OVER (PARTITION BY project_id ORDER BY number), '')
          || convert_to(log_entry(e), 'UTF8')) AS expected FROM events e) chained
      WHERE hash <> expected`);
    expect(broken.rowCount).toBe(0);
  },
  60_000,
);

class Rollback extends Error {}

/** Reads like an unsteady client: it leaves now and then, and comes back to any process with its last cursor. */
async function readAll(
  processes: readonly TestProcess[],
  { process, leaveAfter }: { process: number; leaveAfter: readonly number[] },
  begin: string,
  enough: number,
): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  let cursor = begin;
  for (let visit = 0; events.length < enough; visit++) {
    const { log } = processes[(process + visit) % processes.length] ?? (processes[0] as TestProcess);
    const stream = await log.follow(ADMIN, { filter: {}, after: cursor });
    for (let frames = 0; events.length < enough && frames < (leaveAfter[visit] ?? Number.POSITIVE_INFINITY); frames++) {
      const { value, done } = await stream.next();
      if (done) break;
      events.push(...value.events);
      ({ cursor } = value);
    }
    await stream.return?.();
  }
  return events;
}
