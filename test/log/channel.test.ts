import { expect, test } from "vitest";
import { CallerGone } from "../../src/db/requester.ts";
import { cursorExpired } from "../../src/errors.ts";
import { Channel } from "../../src/log/live/channel.ts";
import type { FrameSource } from "../../src/log/live/frame-source.ts";
import { FrameStream } from "../../src/log/live/frame-stream.ts";
import { SendQueue } from "../../src/log/live/send-queue.ts";
import { TimerWheel } from "../../src/log/live/timer-wheel.ts";
import { ManualClock, settled } from "./manual-clock.ts";

const PACE = { frameIntervalMs: 100, idleFrameMs: 15_000, stallMs: 60_000 };

/** A source of words; a frame is all words since the last one. */
class Words implements FrameSource<string> {
  words: string[] = [];
  closed = 0;
  failures = 0;
  poke: () => void = () => undefined;

  get ready() {
    return this.words.length > 0;
  }

  get level() {
    return !this.ready;
  }

  fork() {
    const fork = new Words();
    fork.words = [...this.words];
    return fork;
  }

  onReady(poke: () => void) {
    this.poke = poke;
  }

  say(word: string) {
    if (this.words.push(word) === 1) this.poke();
  }

  failure: Error = new Error("away");

  take() {
    if (this.failures-- > 0) throw this.failure;
    return this.words.splice(0).join(" ");
  }

  last() {
    return `${this.words.splice(0).join(" ")}.`;
  }

  close() {
    this.closed++;
  }
}

function start() {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const source = new Words();
  const failed: unknown[] = [];
  let ended = 0;
  const around = { clock, wheel, queue: new SendQueue(), pace: PACE, failed: (error: unknown) => failed.push(error) };
  let finish = () => {};
  const stream = new FrameStream<string>(source, {
    requester: undefined,
    join(owner, from, audience, sink) {
      const channel = new Channel(audience, around, () => undefined);
      channel.join(sink, from, owner);
      finish = () => void channel.finish();
      return { want: () => channel.want(sink), leave: () => channel.leave(sink) };
    },
    onEnd: () => ended++,
  });
  const taken: { at: number; frame: string }[] = [];
  const begun = clock.now();
  /** Takes frames as a client that reads all it gets. */
  const consume = async () => {
    for await (const frame of stream) taken.push({ at: clock.now() - begun, frame });
  };
  return { clock, source, stream, failed, taken, consume, ended: () => ended, finish: () => finish() };
}

test("sends a first frame at once, and an empty one after every 15 s of silence", async () => {
  const { clock, taken, consume } = start();
  void consume();
  await clock.advance(31_000);
  expect(taken).toEqual([
    { at: 0, frame: "" },
    { at: 15_000, frame: "" },
    { at: 30_000, frame: "" },
  ]);
});

test("sends at most ten frames a second, and what comes meanwhile shares the next", async () => {
  const { clock, source, taken, consume } = start();
  void consume();
  await clock.advance(500);
  for (let i = 0; i < 200; i++) {
    source.say(`${i}`);
    await clock.advance(5);
  }
  await clock.advance(200);
  const events = taken.filter(({ frame }) => frame !== "");
  expect(events.flatMap(({ frame }) => frame.split(" ").map(Number))).toEqual(Array.from({ length: 200 }, (_, i) => i));
  expect(events.length).toBeLessThanOrEqual(11);
  // The first comes without a wait, all others at least 100 ms apart.
  expect(events[0]?.at).toBe(500);
  const gaps = events.slice(1).map(({ at }, i) => at - (events[i]?.at ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100);
});

test("waits with an idle frame until 15 s after the last frame, not after the last idle one", async () => {
  const { clock, source, taken, consume } = start();
  void consume();
  await clock.advance(10_000);
  source.say("hello");
  await clock.advance(15_020);
  expect(taken.map(({ at }) => at)).toEqual([0, 10_000, 25_000]);
});

test("frees everything at once when the client leaves while a frame is awaited", async () => {
  const { clock, source, stream, taken, consume, ended } = start();
  const finished = consume();
  await clock.advance(1_000);
  await stream.return();
  await finished;
  expect([source.closed, ended(), taken.length]).toEqual([1, 1, 1]);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  await clock.advance(20_000);
  expect(clock.pending).toBe(0);
});

test("cuts off a client that does not take its frame for a minute", async () => {
  const { clock, source, stream, ended } = start();
  await stream.next();
  await clock.advance(59_000);
  expect(ended()).toBe(0);
  await clock.advance(1_100);
  expect([ended(), source.closed]).toEqual([1, 1]);
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

test("gives a last frame when the server ends the stream, whether or not one is awaited", async () => {
  const waiting = start();
  await waiting.stream.next();
  const frame = waiting.stream.next();
  waiting.source.say("bye");
  waiting.finish();
  expect(await frame).toEqual({ done: false, value: "bye." });
  expect(await waiting.stream.next()).toEqual({ done: true, value: undefined });

  const busy = start();
  await busy.stream.next();
  busy.source.say("later");
  busy.finish();
  expect(await busy.stream.next()).toEqual({ done: false, value: "later." });
  expect(await busy.stream.next()).toEqual({ done: true, value: undefined });
  expect([busy.source.closed, busy.ended()]).toEqual([1, 1]);
});

test("tries a frame that could not be made again, a second later", async () => {
  const { clock, source, failed, taken, consume } = start();
  source.failures = 2;
  source.words = ["kept"];
  void consume();
  await clock.advance(2_500);
  expect(taken).toEqual([{ at: 2_000, frame: "kept" }]);
  expect(failed).toHaveLength(2);
});

test("makes a frame at once for another when the one it was read for has left, which is no failure", async () => {
  const { clock, source, failed, taken, consume } = start();
  source.failures = 1;
  source.failure = new CallerGone();
  source.words = ["kept"];
  void consume();
  await clock.advance(50);
  expect(taken).toEqual([{ at: expect.toSatisfy((at) => at < 50), frame: "kept" }]);
  expect(failed).toEqual([]);
});

test("goes on sending when one piece of work throws", async () => {
  const queue = new SendQueue();
  const throws = () => {
    throw new Error("broken");
  };
  expect(() => queue.add({ step: throws })).toThrow("broken");
  const ran = Promise.withResolvers<void>();
  queue.add({
    step() {
      ran.resolve();
      return 0;
    },
  });
  await ran.promise;
});

test("ends when its place was taken out of the log, instead of trying for ever", async () => {
  const { source, stream, failed, ended } = start();
  source.failures = 1;
  source.failure = cursorExpired("Gone.");
  expect(await stream.next()).toEqual({ done: true, value: undefined });
  expect([ended(), source.closed, failed.length]).toEqual([1, 1, 0]);
});

test("answers frames in order to a client that asks for several at once", async () => {
  const { clock, source, stream } = start();
  const asked = [stream.next(), stream.next(), stream.next()];
  source.say("a");
  await clock.advance(150);
  source.say("b");
  await clock.advance(150);
  const frames = await Promise.all(asked);
  expect(frames.map(({ value }) => value)).toEqual(["", "a", "b"]);
});

test("wakes ten thousand sleepers in slices, so that other work comes in between", async () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  let woken = 0;
  const sleepers = Array.from({ length: 10_000 }, () => ({ wake: () => void woken++ }));
  for (const sleeper of sleepers) wheel.set(sleeper, clock.now() + 50);
  expect(clock.pending).toBe(1);
  const slices: number[] = [];
  const advanced = clock.advance(60);
  while (woken < sleepers.length) {
    const before = woken;
    await settled();
    if (woken > before) slices.push(woken - before);
  }
  await advanced;
  expect(Math.max(...slices)).toBeLessThanOrEqual(512);
  expect(woken).toBe(10_000);
});
