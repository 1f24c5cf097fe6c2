import type { Client } from "pg";
import { expect, test } from "vitest";
import { seededRandom } from "../../bench/random.ts";
import { systemClock } from "../../src/log/clock.ts";
import type { Log } from "../../src/log/log.ts";
import type { EventFilter } from "../../src/log/read/filter.ts";
import { ADMIN, commit, startLog, taskEvent } from "./test-log.ts";

interface Left {
  readonly taskId: string;
  readonly type?: string;
  /** How long ago it happened, in minutes. */
  readonly ago: number;
}

/** Leaves events in this order, whenever each of them happened. */
async function leave(owner: Client, events: readonly Left[]) {
  await owner.query(
    `INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload, occurred_at)
     SELECT coalesce(e.type, 'task.updated'), 'alpha', 'task', e."taskId", 'x', '{}', docket_now() - make_interval(mins => e.ago)
     FROM jsonb_to_recordset($1) AS e (type text, "taskId" text, ago int)`,
    [JSON.stringify(events)],
  );
}

const times = (count: number, event: Left): Left[] => Array.from({ length: count }, () => event);

interface Asked {
  readonly filter?: EventFilter;
  readonly direction?: "ASC" | "DESC";
  readonly first?: number;
  readonly after?: string | null;
}

/** Page by page to the end of what was asked for. */
async function readAll(log: Log, { filter = {}, direction = "ASC", first = 100, after = null }: Asked) {
  const pages = [];
  let cursor = after;
  for (let caughtUp = false; !caughtUp; ) {
    const page = await log.events(ADMIN, { filter, direction, first, after: cursor });
    pages.push(page);
    ({ cursor, caughtUp } = page);
    expect(pages.length).toBeLessThan(1_000);
  }
  return { pages, end: cursor, found: pages.flatMap(({ events }) => events.map(({ subjectId }) => subjectId)) };
}

test("goes back through the log page by page, and turns round at any cursor", async () => {
  const { database, log } = await startLog();
  await commit(database, ...Array.from({ length: 7 }, (_, i) => taskEvent("alpha", `${i + 1}`)));
  const { pages, found } = await readAll(log, { direction: "DESC", first: 3 });
  expect(found.join("")).toBe("7654321");
  expect(pages.map(({ events }) => events.length)).toEqual([3, 3, 1]);
  const [newest] = pages;
  await commit(database, taskEvent("alpha", "8"));
  expect((await readAll(log, { after: newest?.cursor ?? "" })).found.join("")).toBe("5678");
  expect((await readAll(log, { direction: "DESC", after: newest?.cursor ?? "" })).found.join("")).toBe("4321");
  const now = await log.cursor();
  expect((await readAll(log, { after: now })).found).toEqual([]);
  expect((await readAll(log, { direction: "DESC", after: now, first: 2 })).found.join("")).toBe("87654321");
});

test("reads both ways what others read, whatever the filter, in pages of any size", async () => {
  const { owner, log } = await startLog();
  const random = seededRandom(7);
  const whole = (most: number) => Math.floor(random() * most);
  // Of a day, in the order of time but for what took up to half an hour to commit.
  const left = Array.from({ length: 300 }, (_, i) => ({
    taskId: `${i + 1}`,
    type: ["task.created", "task.updated", "task.completed"][whole(3)] ?? "",
    ago: Math.round(1_440 - i * 4.8) + whole(30) + 31,
  }));
  await leave(owner, left);
  await log.cursor();
  for (let round = 0; round < 4; round++) {
    const [longAgo = 0, ago = 0] = [whole(1_500), whole(1_500)].sort((a, b) => b - a);
    const types = [null, ["task.completed"], ["task.created", "task.updated"]][whole(3)] ?? null;
    const filter = {
      types,
      ...(whole(3) > 0 && { since: `-PT${longAgo}M` }),
      ...(whole(3) > 0 && { until: `-PT${ago}M` }),
      ...(whole(2) > 0 && { projects: ["alpha"] }),
    };
    const forward = await readAll(log, { filter, first: 1 + whole(20) });
    const expected = left.filter(
      (event) =>
        (types === null || types.includes(event.type)) &&
        (!("since" in filter) || event.ago <= longAgo) &&
        (!("until" in filter) || event.ago > ago),
    );
    // A minute may pass while this runs.
    expect(Math.abs(forward.found.length - expected.length)).toBeLessThan(3);
    const back = await readAll(log, { filter, first: 1 + whole(20), direction: "DESC" });
    expect(back.found).toEqual(forward.found.toReversed());
    // Nothing is missed by whoever goes on from there, in either direction.
    const missed = (kept: readonly string[], outside: (event: Left) => boolean) =>
      left.filter((event) => outside(event) && !kept.includes(event.taskId));
    const later = (await readAll(log, { after: forward.end })).found;
    expect(missed(later, ({ ago: at }) => "until" in filter && at < ago - 1)).toEqual([]);
    const earlier = (await readAll(log, { after: back.end, direction: "DESC" })).found;
    expect(missed(earlier, ({ ago: at }) => "since" in filter && at > longAgo + 1)).toEqual([]);
  }
});

test("ends no page for want of time beyond the first event outside the span, in either direction", async () => {
  let now = 0;
  // Every look at the clock finds the time of a page over.
  const clock = { now: () => (now += 2_000), after: systemClock.after };
  const { owner, log } = await startLog({ clock });
  const filler = { taskId: "filler" };
  await leave(owner, [
    ...times(1_500, { ...filler, ago: 600 }),
    { taskId: "early", type: "task.completed", ago: 290 },
    ...times(2_500, { ...filler, ago: 350 }),
    { taskId: "before", ago: 301 },
    ...times(2_000, { ...filler, ago: 200 }),
    { taskId: "behind", ago: 119 },
    ...times(2_500, { ...filler, ago: 90 }),
    ...["late", "later"].map((taskId) => ({ taskId, type: "task.completed", ago: 121 })),
    ...times(1_500, { ...filler, ago: 10 }),
  ]);
  const filter = { types: ["task.completed"], since: "-PT5H", until: "-PT2H" };
  const firstOf = async (after: string, direction: "ASC" | "DESC", taskIds: readonly string[]) => {
    const { found } = await readAll(log, { filter: { subjects: [{ type: "task", ids: taskIds }] }, after, direction });
    return found[0];
  };
  const forward = await readAll(log, { filter, first: 1 });
  expect(forward.found).toEqual(["early", "late", "later"]);
  expect(forward.pages.length).toBeGreaterThan(3);
  for (const { events, cursor } of forward.pages)
    if (events.length === 0) expect(await firstOf(cursor, "ASC", ["behind"])).toBe("behind");
  expect(await firstOf(forward.end ?? "", "ASC", ["behind"])).toBe("behind");

  const back = await readAll(log, { filter, first: 1, direction: "DESC" });
  expect(back.found).toEqual(["later", "late", "early"]);
  for (const { events, cursor } of back.pages)
    if (events.length === 0) expect(await firstOf(cursor, "DESC", ["before"])).toBe("before");
  expect(await firstOf(back.end ?? "", "DESC", ["before"])).toBe("before");
});

test("waits for nothing newest first, and refuses a span that ends before it begins", async () => {
  const { log } = await startLog();
  const refused = (asked: Parameters<typeof log.events>[1]) =>
    expect(log.events(ADMIN, asked)).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  await refused({ filter: {}, after: null, first: 1, direction: "DESC", waitSeconds: 1 });
  await refused({ filter: { since: "-PT1H", until: "-PT2H" }, after: null, first: 1 });
});
