import { expect, test } from "vitest";
import type { Db } from "../../src/db/database.ts";
import { EventFeed } from "../../src/log/live/event-feed.ts";
import type { EventFrame } from "../../src/log/live/frames.ts";
import { Hub } from "../../src/log/live/hub.ts";
import { StatusFeed } from "../../src/log/live/status-feed.ts";
import { BEGINNING, CursorCodec, type Place } from "../../src/log/read/cursor.ts";
import { type EventRow, LoggedEvent } from "../../src/log/read/event.ts";
import type { Selection } from "../../src/log/read/filter.ts";
import { eventRow } from "./event-row.ts";
import { ManualClock } from "./manual-clock.ts";

/** Where the log begins, as a cursor says it. */
const START: Place = { ...BEGINNING };
const ALL: Selection = { projects: null, server: true, types: null, subjects: null, actors: null };

/** A hub, and a log that remembers what was published to it; every read of the log is counted. */
function start() {
  const rows: EventRow[] = [];
  const hub = new Hub(new CursorCodec(Buffer.alloc(16, 7)), BEGINNING);
  let reads = 0;
  const db = {
    read: async (_: unknown, [after, until, limit]: [number, number, number]) => {
      reads++;
      const found = rows.filter(({ position }) => position > after && position <= until).slice(0, limit);
      return found.length > 0 ? found.map((one) => ({ floor: 0, ...one })) : [{ floor: 0, position: null }];
    },
  } as unknown as Db;
  const publish = (count: number, projectId?: string, payload?: string) => {
    const added = Array.from({ length: count }, (_, i) => eventRow(rows.length + i + 1, projectId, payload));
    rows.push(...added);
    hub.publish(added.map((one) => new LoggedEvent(one)));
  };
  const follow = (after: Place = hub.recent.end, selection = ALL, most?: number) =>
    new EventFeed(hub, db, new ManualClock(), selection, after, most);
  return { hub, db, publish, follow, reads: () => reads };
}

const positions = ({ events }: EventFrame) => events.map(({ position }) => position);

async function drainAll(feed: EventFeed): Promise<EventFrame[]> {
  const frames: EventFrame[] = [];
  while (feed.ready) frames.push(await feed.take());
  return frames;
}

test("puts no more events into a frame than its subscriber may have, live and behind", async () => {
  const { publish, follow } = start();
  const live = follow(undefined, ALL, 120);
  await live.take();
  publish(300);
  const sizes = async (feed: EventFeed) => (await drainAll(feed)).map(({ events }) => events.length);
  expect(await sizes(live)).toEqual([120, 120, 60]);
  expect(await sizes(follow(START, ALL, 120))).toEqual([120, 120, 60]);
  expect(await sizes(follow(START, ALL, 5_000))).toEqual([300]);
});

test("gives what comes after the start, in one frame, with the cursor after it", async () => {
  const { hub, publish, follow } = start();
  publish(3);
  const feed = follow();
  expect(await feed.take()).toEqual({ events: [], cursor: hub.codec.encode(hub.recent.end), caughtUp: true });
  publish(2);
  const frame = await feed.take();
  expect(positions(frame)).toEqual([4, 5]);
  expect(hub.codec.decode(frame.cursor).position).toBe(5);
});

test("does not repeat what lies before a start that this process has not read yet", async () => {
  const { hub, publish, follow } = start();
  const feed = follow({ position: 2, hash: Buffer.alloc(8, 2) });
  publish(1);
  expect(hub.codec.decode((await feed.take()).cursor).position).toBe(2);
  publish(2);
  expect(positions(await feed.take())).toEqual([3]);
});

test("drops the queue of a client that falls behind, and reads on at its cursor without a gap", async () => {
  const { hub, publish, follow, reads } = start();
  const feed = follow();
  publish(10);
  await feed.take();
  for (let i = 0; i < 30; i++) publish(500);
  expect(hub.attached).toBe(0);
  const frames = await drainAll(feed);
  expect(frames.flatMap(positions)).toEqual(Array.from({ length: 15_000 }, (_, i) => i + 11));
  expect(Math.max(...frames.map(({ events }) => events.length))).toBeLessThanOrEqual(1_000);
  expect(frames.map(({ caughtUp }) => caughtUp)).toEqual([...frames.slice(1).map(() => false), true]);
  // What the process remembers is not read again from the database.
  expect(reads()).toBeLessThan(frames.length);
  expect(hub.attached).toBe(1);
});

test("holds at most a megabyte of payload for a client, and sends a larger event alone", async () => {
  const { publish, follow } = start();
  const feed = follow();
  publish(3, "alpha", JSON.stringify({ text: "x".repeat(700_000) }));
  publish(1, "alpha", JSON.stringify({ text: "x".repeat(3_000_000) }));
  publish(1);
  expect((await drainAll(feed)).map(positions)).toEqual([[1], [2], [3], [4], [5]]);
});

test("switches from the log to live without a gap or a repetition while events keep coming", async () => {
  const { publish, follow } = start();
  publish(9_000);
  const feed = follow(START);
  const seen: number[] = [];
  for (let i = 0; i < 40; i++) {
    const frame = feed.take();
    publish(7);
    seen.push(...positions(await frame));
  }
  seen.push(...positions(await feed.take()));
  expect(seen).toEqual(Array.from({ length: 9_280 }, (_, i) => i + 1));
});

test("offers an event only to those who select it, and to nobody after they left", async () => {
  const { hub, publish, follow } = start();
  const alpha = follow(START, { ...ALL, projects: new Set(["alpha"]), server: false });
  const beta = follow(START, { ...ALL, projects: new Set(["beta"]), server: false, types: new Set(["x"]) });
  const unlimited = follow(START, { ...ALL, server: false });
  const admin = follow(START);
  publish(1, "alpha");
  publish(1, "beta");
  publish(1, "_server");
  const got = await Promise.all([alpha, beta, unlimited, admin].map(async (feed) => positions(await feed.take())));
  expect(got).toEqual([[1], [], [1, 2], [1, 2, 3]]);
  for (const feed of [alpha, beta, unlimited, admin]) feed.close();
  expect(hub.attached).toBe(0);
});

test("stays away from the hub when it was closed while it read the log", async () => {
  const { hub, publish, follow, reads } = start();
  publish(5);
  // As a process that begins now: it remembers none of the five.
  hub.restart(hub.codec, hub.recent.end);
  const feed = follow(START);
  const reading = feed.take();
  feed.close();
  expect(positions(await reading)).toEqual([1, 2, 3, 4, 5]);
  expect(reads()).toBe(1);
  expect(hub.attached).toBe(0);
});

test("tells of each changed project once per frame, however often it changed", async () => {
  const { hub, publish } = start();
  const named = ["alpha", "beta"];
  const feed = new StatusFeed(hub, { ...ALL, projects: new Set(named) }, async () => named);
  expect((await feed.take()).projectIds).toEqual(["alpha", "beta"]);
  publish(100, "alpha");
  publish(1, "gamma");
  publish(100, "alpha");
  const frame = await feed.take();
  expect([frame.projectIds, hub.codec.decode(frame.cursor).position]).toEqual([["alpha"], 201]);
  expect(feed.ready).toBe(false);
  feed.close();
  expect(hub.attached).toBe(0);
});
