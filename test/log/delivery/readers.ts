import { setTimeout as pause } from "node:timers/promises";
import { fc } from "@fast-check/vitest";
import { isConnectionLost } from "../../../src/db/faults.ts";
import type { Log } from "../../../src/log/log.ts";
import type { LoggedEvent } from "../../../src/log/read/event.ts";
import type { EventFilter } from "../../../src/log/read/filter.ts";
import { ADMIN } from "../test-log.ts";
import type { Participant, World } from "./world.ts";
import { ACTORS, TYPES } from "./writers.ts";

/** One connection of a reader: where, how, for how many frames or pages, and how long it sleeps before each. */
const visit = fc.record({
  participant: fc.nat(2),
  by: fc.constantFrom("stream", "stream", "stream", "pages", "waits"),
  takes: fc.integer({ min: 1, max: 20 }),
  sleepsMs: fc.constantFrom(0, 0, 0, 1, 10, 60),
  first: fc.integer({ min: 1, max: 100 }),
});
const filter: fc.Arbitrary<EventFilter> = fc.oneof(
  fc.constant({}),
  fc.record(
    {
      projects: fc.subarray(["alpha", "beta"], { minLength: 1 }),
      types: fc.subarray([...TYPES], { minLength: 1 }),
      subjects: fc.tuple(
        fc.record({
          type: fc.constant("task"),
          ids: fc.subarray(["TASK-001", "TASK-002", "TASK-009"], { minLength: 1 }),
        }),
      ),
      actors: fc.subarray(ACTORS, { minLength: 1 }),
    },
    { requiredKeys: [] },
  ),
);
/** Its visits come again and again until it has everything. */
const reader = fc.record({ filter, visits: fc.array(visit, { minLength: 1, maxLength: 8 }) });
export const readerPlans = fc.array(reader, { minLength: 3, maxLength: 8 });
export type ReaderPlan = typeof reader extends fc.Arbitrary<infer T> ? T : never;
type Visit = ReaderPlan["visits"][number];

/**
 * Reads like an unsteady client: it stalls, leaves, is cut off, and goes on anywhere with its last cursor.
 * @param end resolves to the last position of its selection once nothing more comes.
 */
export async function read(
  world: World,
  { filter, visits }: ReaderPlan,
  begin: string,
  end: Promise<number>,
): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  let last: number | undefined;
  end.then((position) => (last = position));
  const done = () => last !== undefined && (events.at(-1)?.position ?? 0) >= last;
  let after = begin;
  for (let i = 0; !done(); i++) {
    const plan = visits[i % visits.length] as Visit;
    const { log } = world.participants[plan.participant] as Participant;
    let taken = 0;
    try {
      for await (const page of plan.by === "stream" ? frames(log, filter, after) : pages(log, filter, after, plan)) {
        await pause(plan.sleepsMs);
        events.push(...page.events);
        after = page.cursor;
        if (done() || ++taken === plan.takes) break;
      }
    } catch (error) {
      // It was told that the database is away, and comes again.
      if (!isConnectionLost(error)) throw error;
    }
  }
  return events;
}

async function* frames(log: Log, filter: EventFilter, after: string) {
  const stream = await log.follow(ADMIN, { filter, after });
  yield* stream;
}

async function* pages(log: Log, filter: EventFilter, after: string, { first, by }: Visit) {
  let cursor = after;
  for (;;) {
    const page = await log.events(ADMIN, { filter, after: cursor, first, waitSeconds: by === "waits" ? 1 : 0 });
    yield page;
    ({ cursor } = page);
  }
}
