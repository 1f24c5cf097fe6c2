import { fc, test as propertyTest } from "@fast-check/vitest";
import { expect, test } from "vitest";
import type { Db } from "../../src/db/database.ts";
import { Channel, type Sink } from "../../src/log/live/channel.ts";
import { EventFeed } from "../../src/log/live/event-feed.ts";
import type { EventFrame } from "../../src/log/live/frames.ts";
import { Hub } from "../../src/log/live/hub.ts";
import { SendQueue } from "../../src/log/live/send-queue.ts";
import { TimerWheel } from "../../src/log/live/timer-wheel.ts";
import { BEGINNING, CursorCodec, type Place } from "../../src/log/read/cursor.ts";
import { type EventRow, LoggedEvent } from "../../src/log/read/event.ts";
import { isSelected, type Selection } from "../../src/log/read/filter.ts";
import { eventRow } from "./event-row.ts";
import { ManualClock, settled } from "./manual-clock.ts";

const PACE = { frameIntervalMs: 100, idleFrameMs: 15_000, stallMs: 60_000 };
const ALPHA: Selection = { projects: new Set(["alpha"]), server: false, types: null, subjects: null, actors: null };

/** A client of a channel, which may be slow. */
class Client implements Sink<EventFrame> {
  readonly from: Place;
  readonly frames: { readonly at: number; readonly frame: EventFrame }[] = [];
  ended = false;
  readonly requester = undefined;
  readonly #clock: ManualClock;
  #blocked = false;
  #unread = false;
  leave = () => {};
  want = () => {};

  constructor(clock: ManualClock, from: Place) {
    this.#clock = clock;
    this.from = from;
  }

  get taken() {
    return !this.#unread;
  }

  get positions() {
    return this.frames.flatMap(({ frame }) => frame.events.map(({ position }) => position));
  }

  send(frame: EventFrame) {
    // Nothing may be sent to a client that has not read what came before.
    expect([this.#unread, this.ended]).toEqual([false, false]);
    this.frames.push({ at: this.#clock.now(), frame });
    this.#unread = this.#blocked;
  }

  end() {
    this.ended = true;
    this.leave();
  }

  /** It reads nothing more of what is sent after the next frame. */
  block() {
    this.#blocked = true;
  }

  unblock() {
    this.#blocked = false;
    if (!this.#unread) return;
    this.#unread = false;
    this.want();
  }
}

/** A channel over a hub, and a log behind it that remembers all. */
function start(recent = true) {
  const clock = new ManualClock();
  const rows: EventRow[] = [];
  const hub = new Hub(new CursorCodec(Buffer.alloc(16, 7)), BEGINNING);
  const db = {
    read: async (_: unknown, [after, until, limit]: [number, number, number]) => {
      const found = rows.filter(
        ({ position, project_id }) => position > after && position <= until && project_id === "alpha",
      );
      const page = found.slice(0, limit);
      return page.length > 0 ? page.map((one) => ({ floor: 0, ...one })) : [{ floor: 0, position: null }];
    },
  } as unknown as Db;
  const made: EventFrame[] = [];
  const failed: unknown[] = [];
  const around = {
    clock,
    wheel: new TimerWheel(clock),
    queue: new SendQueue(),
    pace: PACE,
    failed: (e: unknown) => failed.push(e),
  };
  const audience = {
    key: "",
    make(frame: EventFrame) {
      made.push(frame);
      return frame;
    },
  };
  let empty = 0;
  const channel = new Channel<EventFrame, EventFrame>(audience, around, () => empty++);
  const join = (from: Place = hub.recent.end) => {
    const client = new Client(clock, from);
    client.leave = () => channel.leave(client);
    client.want = () => channel.want(client);
    channel.join(client, new EventFeed(hub, db, clock, ALPHA, from), client);
    return client;
  };
  const publish = (count: number, projectId = "alpha") => {
    const added = Array.from({ length: count }, (_, i) => eventRow(rows.length + i + 1, projectId));
    rows.push(...added);
    hub.publish(added.map((row) => new LoggedEvent(row)));
    // A process that has just begun remembers nothing.
    if (!recent) hub.restart(hub.codec, hub.recent.end);
  };
  const selectedAfter = ({ position: after }: Place) =>
    rows
      .filter((row) => row.position > after && isSelected(ALPHA, new LoggedEvent(row)))
      .map(({ position }) => position);
  return { clock, hub, rows, made, failed, channel, join, publish, selectedAfter, empty: () => empty };
}

test("makes a frame once for all who are caught up, whenever they came", async () => {
  const { clock, made, join, publish } = start();
  const clients = [join(), join()];
  await clock.advance(200);
  publish(3, "beta");
  clients.push(join());
  await clock.advance(200);
  publish(2, "beta");
  clients.push(...Array.from({ length: 30 }, () => join()));
  await clock.advance(1_000);
  made.length = 0;
  publish(2);
  await clock.advance(200);
  expect(made).toHaveLength(1);
  for (const { positions } of clients) expect(positions).toEqual([6, 7]);
});

test("lets a slow client stay where it is: it keeps nothing for it, loses nothing, and nobody waits for it", async () => {
  const { clock, hub, made, join, publish } = start();
  const [slow, ...others] = Array.from({ length: 30 }, () => join());
  await clock.advance(200);
  made.length = 0;
  slow?.block();
  for (let i = 0; i < 30; i++) {
    publish(100);
    await clock.advance(150);
  }
  expect(made).toHaveLength(30);
  for (const { positions } of others) expect(positions).toHaveLength(3_000);
  expect(slow?.positions).toHaveLength(100);
  // It is not offered what comes meanwhile.
  expect(hub.attached).toBe(1);
  slow?.unblock();
  await clock.advance(500);
  expect(slow?.positions).toEqual(others[0]?.positions);
  made.length = 0;
  publish(1);
  await clock.advance(200);
  expect(made).toHaveLength(1);
  expect(slow?.positions).toHaveLength(3_001);
});

test("reads the log once for all who begin at the same place behind, in the turn of one of them", async () => {
  const { clock, made, join, publish } = start(false);
  publish(2_500);
  const clients = Array.from({ length: 20 }, () => join({ ...BEGINNING }));
  await clock.advance(1_000);
  for (const { positions } of clients) expect(positions).toEqual(Array.from({ length: 2_500 }, (_, i) => i + 1));
  made.length = 0;
  publish(1);
  await clock.advance(200);
  expect(made).toHaveLength(1);
});

test("gives a sign of life to all at once, at most 15 s after each one's last frame", async () => {
  const { clock, made, join } = start();
  const clients = [];
  for (let i = 0; i < 100; i++) {
    clients.push(join());
    await clock.advance(100);
  }
  await clock.advance(60_000);
  for (const { frames } of clients)
    for (const [i, { at }] of frames.entries()) expect(at - (frames[i - 1]?.at ?? at)).toBeLessThanOrEqual(15_020);
  expect(made.length).toBeLessThan(100 + 12);
});

test("ends a client that reads nothing for a minute, and no other", async () => {
  const { clock, join, publish, empty } = start();
  const [slow, other] = [join(), join()];
  await clock.advance(200);
  slow.block();
  publish(1);
  await clock.advance(59_000);
  expect([slow.ended, other.ended]).toEqual([false, false]);
  await clock.advance(1_300);
  expect([slow.ended, other.ended]).toEqual([true, false]);
  publish(1);
  await clock.advance(200);
  expect(other.positions).toEqual([1, 2]);
  other.end();
  expect(empty()).toBe(1);
});

test("ends all with one last frame for those who can read it, and a later one for those who cannot yet", async () => {
  const { clock, hub, channel, join, publish } = start();
  const [slow, ...others] = Array.from({ length: 30 }, () => join());
  await clock.advance(200);
  slow?.block();
  publish(1);
  await clock.advance(200);
  publish(1);
  await channel.finish();
  for (const { ended, positions, frames } of others) {
    expect([ended, positions]).toEqual([true, [1, 2]]);
    expect(frames.at(-1)?.frame.cursor).toBe(hub.codec.encode(hub.recent.end));
  }
  expect([slow?.ended, slow?.positions]).toEqual([false, [1]]);
  slow?.unblock();
  await settled();
  expect(slow?.ended).toBe(true);
  // It resumes from there.
  expect(hub.codec.decode(slow?.frames.at(-1)?.frame.cursor ?? "").position).toBe(1);
});

test("sends in small turns, so that other work comes in between", async () => {
  const { clock, join, publish } = start();
  const clients = Array.from({ length: 2_000 }, () => join());
  while (clients.some(({ frames }) => frames.length === 0)) await clock.advance(10);
  await clock.advance(1_000);
  publish(1);
  const sent = () => clients.filter(({ positions }) => positions.length > 0).length;
  const advanced = clock.advance(150);
  const turns: number[] = [];
  while (sent() < clients.length) {
    const before = sent();
    await settled();
    if (sent() > before) turns.push(sent() - before);
  }
  await advanced;
  expect(Math.max(...turns)).toBeLessThanOrEqual(2 * 64);
});

const step = fc.oneof(
  fc.record({ do: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 700 }), quiet: fc.boolean() }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 5, 40, 100, 350, 16_000) }),
  fc.record({ do: fc.constantFrom("block" as const, "unblock" as const, "leave" as const), who: fc.nat(40) }),
  fc.record({ do: fc.constant("join" as const), back: fc.constantFrom(0, 0, 1, 50, 6_000), ahead: fc.boolean() }),
);

propertyTest.prop([fc.array(step, { minLength: 5, maxLength: 80 })], { numRuns: 60 })(
  "gives each client all that is selected after its place once, in order and at its pace, whatever the others do",
  async (steps) => {
    const { clock, hub, rows, join, publish, selectedAfter, failed } = start();
    const clients: Client[] = [];
    const placeAt = (position: number): Place => ({ position, hash: rows[position - 1]?.hash ?? BEGINNING.hash });
    for (const now of steps) {
      const client = "who" in now ? clients[now.who % Math.max(1, clients.length)] : undefined;
      if (now.do === "publish") publish(now.count, now.quiet ? "beta" : "alpha");
      else if (now.do === "wait") await clock.advance(now.ms);
      else if (now.do === "join") {
        const end = hub.recent.end.position;
        // Its place may be newer than what this process has read so far.
        const ahead = { position: end + 1, hash: Buffer.alloc(8, (end + 1) % 256) };
        clients.push(join(now.ahead ? ahead : placeAt(Math.max(0, end - now.back))));
      } else if (client && !client.ended) {
        if (now.do === "leave") client.end();
        else client[now.do]();
      }
    }
    publish(1);
    for (const client of clients) if (!client.ended) client.unblock();
    await clock.advance(30_000);
    expect(failed).toEqual([]);
    for (const client of clients) {
      const { positions, frames, ended, from } = client;
      const expected = selectedAfter(from);
      expect(positions).toEqual(ended ? expected.slice(0, positions.length) : expected);
      let known = from.position;
      for (const [i, { at, frame }] of frames.entries()) {
        const cursor = hub.codec.decode(frame.cursor).position;
        // Whoever resumes from a cursor has what came before it, and gets what comes after it.
        expect(frame.events.map(({ position }) => position)).toEqual(
          selectedAfter(placeAt(known)).filter((position) => position <= cursor),
        );
        known = cursor;
        if (i > 0) expect(at - (frames[i - 1]?.at ?? 0)).toBeGreaterThanOrEqual(100);
      }
      if (!ended) expect(frames.at(-1)?.frame.caughtUp).toBe(true);
    }
  },
  120_000,
);
