import { expect, it } from "vitest";
import { type Arrival, Audience, type Reception } from "../../bench/delivery/audience.ts";
import { figuresOf } from "../../bench/delivery/figures.ts";
import { goals } from "../../bench/delivery/goals.ts";
import { promises, report } from "../../bench/delivery/report.ts";
import { AUDIENCES, runDelivery } from "../../bench/delivery/run.ts";
import { makeTestScratch } from "./scratch.ts";

const never = new AbortController().signal;

it("delivers and replays every event over WebSockets and SSE, to all alike and in groups, in a small run of the benchmark", async () => {
  const database = await makeTestScratch("delivery");
  const audiences = AUDIENCES.filter(({ how }) => ["WebSocket", "SSE, groups of"].includes(how));
  const result = await runDelivery(
    { subscribers: [3], rates: [1, 5], seconds: 1, groupsOf: 2, claims: 2, replay: 101, audiences },
    {
      database,
      print: () => undefined,
      interrupted: never,
    },
  );
  // Fails when a connection was left open.
  await database.drop();

  expect(result.latencies.map(({ how, perSecond, delivered }) => `${how}: 3 × ${perSecond} = ${delivered}`)).toEqual(
    ["log alone, no sockets", "WebSocket", "SSE, groups of 2"].flatMap((how) => [
      `${how}: 3 × 1 = 3`,
      `${how}: 3 × 5 = 15`,
    ]),
  );
  expect(result.memory.map(({ subscribers }) => subscribers)).toEqual([3, 3, 3]);
  expect(result.claims.map(({ sample: { durations, errors } }) => [durations.length, errors])).toEqual(
    Array.from({ length: 4 }, () => [2, 0]),
  );
  expect(result.replays.map(({ events }) => events)).toEqual([101, 101, 101]);
  expect(result.leftOut).toEqual([]);
  expect(promises(result)).toHaveLength(3);

  const printed = report(result);
  // Latencies at two rates, claims at both, memory; and of one audience a replay.
  expect(printed.split("\n").filter((row) => row.startsWith("WebSocket"))).toHaveLength(2 + 2 + 1 + 1);
  expect(printed).not.toContain("NaN");
});

/** Two subscribers, of whom the second gets these numbers. */
async function hear(...numbers: readonly number[]) {
  const receptions: Reception[] = [];
  using audience = await Audience.gather(
    async (index, reception) => {
      receptions[index] = reception;
      return () => undefined;
    },
    2,
    never,
  );
  const events = (all: readonly number[]): Arrival[] => all.map((number) => ({ number, subjectId: `${number - 1}` }));
  return await audience.hear(new Float64Array(3), async () => {
    receptions[0]?.receive(events([1, 2, 3]));
    receptions[1]?.receive(events(numbers));
  });
}

it("counts every delivery", async () => {
  expect((await hear(1, 2, 3)).count).toBe(6);
});

it("fails when a subscriber misses an event", async () => {
  await expect(hear(1, 3)).rejects.toThrow("Subscriber 1 got event 3 after 1.");
});

it("fails when a subscriber gets an event twice", async () => {
  await expect(hear(1, 2, 2)).rejects.toThrow("Subscriber 1 got event 2 after 2.");
});

it("fails when a subscription ends", async () => {
  const gone = Audience.gather(
    async (_index, reception) => {
      reception.fail(new Error("The server closed a stream."));
      return () => undefined;
    },
    2,
    never,
  );
  await expect(gone).rejects.toThrow("The server closed a stream.");
});

it("compares with the fewest subscribers of the same kind and rate", () => {
  const row = { how: "WebSocket", groups: 1, perSecond: 1, delivered: 1, p99: 50, max: 1_200, ms: 1_000, frames: 1 };
  const processor = { server: 0.02, clients: 0.01 };
  const latencies = [
    { ...row, subscribers: 10, p50: 42, processor },
    { ...row, subscribers: 1, p50: 12, processor },
    { ...row, subscribers: 1, p50: 60, perSecond: 10, processor },
  ];
  const result = { latencies, claims: [], memory: [], replays: [], leftOut: ["10000 WebSockets: too many."] };
  const printed = report(result).replaceAll(/ +/g, " ");
  expect(printed).toContain("\nWebSocket 10 1 1 1 1 42.0 ms 50.0 ms 1200.0 ms 3.5 20.0 µs 10.0 µs\n");
  expect(printed).toContain("\nWebSocket 1 1 1 1 1 12.0 ms 50.0 ms 1200.0 ms 20.0 µs 10.0 µs\n");
  expect(printed).toContain("LEFT OUT: 10000 WebSockets: too many.");
  expect(promises(result).map(({ measured, ok }) => [measured, ok])).toEqual([
    ["p50 12.0 ms", true],
    ["longest 1200.0 ms", false],
    ["longest 1200.0 ms", false],
  ]);
});

it("judges ten thousand sockets by their goals, and tells what each subscriber holds as a figure", () => {
  const MIB = 1024 ** 2;
  const audience = { how: "WebSocket", subscribers: 10_000, groups: 1 };
  const mixed = { ...audience, how: "WebSocket, groups of 10", groups: 1_000 };
  const latency = { ...audience, perSecond: 1, delivered: 1, p50: 100, p99: 299, max: 400, ms: 1_000, frames: 1_000 };
  const processor = { server: 20, clients: 10 };
  const before = { rss: 150 * MIB, heap: 50 * MIB };
  const held = (kibibytes: number) => ({ before, after: { ...before, rss: before.rss + kibibytes * 1024 * 10_000 } });
  const claimsOf = (ms: number) => ({ sample: { durations: [10, ms], errors: 0 } });
  const result = {
    latencies: [
      { ...latency, processor },
      { ...latency, perSecond: 10, p99: 500, processor: { ...processor, server: 20.1 } },
      { ...latency, ...mixed, p99: 499, processor: { ...processor, server: 40 } },
      { ...latency, ...mixed, how: "SSE, groups of 10", perSecond: 10, p99: 500, processor },
      // Without a goal: the log's own process, another rate, fewer subscribers, other groups.
      { ...latency, groups: null, perSecond: 10, p99: 900, processor },
      { ...latency, perSecond: 100, p99: 900, processor },
      { ...latency, subscribers: 1_000, perSecond: 10, p99: 900, processor },
      { ...latency, ...mixed, groups: 100, perSecond: 10, p99: 900, processor },
    ],
    claims: [
      { ...audience, perSecond: 1, ...claimsOf(49) },
      { ...audience, how: "SSE", perSecond: 10, ...claimsOf(50) },
      { ...mixed, perSecond: 10, ...claimsOf(90) },
    ],
    memory: [
      { ...audience, ...held(21) },
      { ...audience, how: "SSE", ...held(21.1) },
      { ...audience, how: "log alone", groups: null, ...held(30) },
      { ...audience, subscribers: 99, ...held(30) },
    ],
    replays: [],
    leftOut: [],
  };
  expect(goals(result).map(({ what, measured, target, ok }) => [what, measured, target, ok])).toEqual([
    ["10,000 × WebSocket, 1 events/s", "p99 299.0 ms", "< 300 ms", true],
    ["10,000 × WebSocket, 1 events/s: server for a frame", "20.0 µs", "≤ 20 µs", true],
    ["10,000 × WebSocket, 10 events/s", "p99 500.0 ms", "< 500 ms", false],
    ["10,000 × WebSocket, 10 events/s: server for a frame", "20.1 µs", "≤ 20 µs", false],
    ["10,000 × WebSocket, groups of 10, 1 events/s", "p99 499.0 ms", "< 500 ms", true],
    ["10,000 × SSE, groups of 10, 10 events/s", "p99 500.0 ms", "< 500 ms", false],
    ["10,000 × WebSocket, 1 events/s: claims meanwhile", "p99 49.0 ms", "< 50 ms", true],
    ["10,000 × SSE, 10 events/s: claims meanwhile", "p99 50.0 ms", "< 50 ms", false],
    ["10,000 × WebSocket: memory each", "21.0 KiB", "≤ 21 KiB", true],
    ["10,000 × SSE: memory each", "21.1 KiB", "≤ 21 KiB", false],
  ]);
  expect(promises(result)).toEqual(expect.arrayContaining(goals(result)));
  expect(report(result)).toMatch(/10,000 × SSE: memory each +21\.1 KiB +≤ 21 KiB +NOT MET/);
  const each = figuresOf(result).filter(({ name }) => name.endsWith("memory each"));
  expect(each.map(({ name, value, unit }) => [name, Math.round(value), unit])).toEqual([
    ["10000 × WebSocket: memory each", 21, "KiB"],
    ["10000 × SSE: memory each", 21, "KiB"],
    ["10000 × log alone: memory each", 30, "KiB"],
  ]);
});
