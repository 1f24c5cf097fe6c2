import { type Measurement, milliseconds, percentile } from "../measure.ts";
import { columns, table } from "../table.ts";
import { goals } from "./goals.ts";
import type { Replay } from "./replay.ts";
import { bytesEach, type ClaimsRow, type LatencyRow, type MemoryRow, serverMicros } from "./rows.ts";

export interface DeliveryResult {
  readonly latencies: readonly LatencyRow[];
  readonly claims: readonly ClaimsRow[];
  readonly memory: readonly MemoryRow[];
  readonly replays: readonly Replay[];
  /** What this machine did not let be measured, and why. */
  readonly leftOut: readonly string[];
}

/** At rest: one event a second. What is aimed at for one subscriber and promised to all, in milliseconds. */
const REST = { perSecond: 1, aim: 20, promise: 1_000 };

/** What is promised of a system at rest, and what is aimed at for the largest audiences. */
export function promises(result: DeliveryResult): Measurement[] {
  const { latencies } = result;
  const atRest = latencies.filter(({ perSecond }) => perSecond === REST.perSecond);
  return [
    ...atRest
      .filter(({ subscribers }) => subscribers === 1)
      .map(({ how, p50 }) => within(`at rest, 1 subscriber, ${how}`, "p50", p50, REST.aim)),
    ...atRest.map(({ how, subscribers, max }) =>
      within(`at rest, ${counted(subscribers, "subscriber")}, ${how}`, "longest", max, REST.promise),
    ),
    ...goals(result),
  ];
}

/** The whole result, for a person. */
export function report(result: DeliveryResult): string {
  const { latencies, claims, memory, replays, leftOut } = result;
  const kept = promises(result);
  return [
    "From the acknowledgement of the commit to the frame at each subscriber. Every event reached every subscriber, once",
    "and in order; ten frames a second at most, so that from 10 events/s on they share frames. × is p50 against the",
    "fewest subscribers; server and clients are the processor time that each of them used for one frame.",
    "",
    latencyTable(latencies),
    "",
    ...(claims.length > 0 ? ["Claims meanwhile, on the same server.", "", claimsTable(claims), ""] : []),
    "Memory of the process with idle subscribers, after a garbage collection.",
    "",
    memoryTable(memory),
    ...(replays.length > 0 ? ["", "Replay from a cursor before the first event.", "", replayTable(replays)] : []),
    ...(kept.length > 0 ? ["", table(kept)] : []),
    ...leftOut.map((line) => `\nLEFT OUT: ${line}`),
  ].join("\n");
}

const latencyTable = (rows: readonly LatencyRow[]) =>
  columns([
    [
      "how",
      "subscribers",
      "events/s",
      "delivered",
      "a second",
      "frames",
      "p50",
      "p99",
      "max",
      "×",
      "server",
      "clients",
    ],
    ...rows.map((row) => [
      row.how,
      whole(row.subscribers),
      whole(row.perSecond),
      whole(row.delivered),
      whole((row.delivered / row.ms) * 1000),
      whole(row.frames),
      milliseconds(row.p50),
      milliseconds(row.p99),
      milliseconds(row.max),
      againstFewest(row, rows),
      `${serverMicros(row).toFixed(1)} µs`,
      row.processor.clients === null ? "the same" : microseconds(row.processor.clients / row.frames),
    ]),
  ]);

const claimsTable = (rows: readonly ClaimsRow[]) =>
  columns([
    ["how", "subscribers", "events/s", "claims", "failed", "p50", "p99", "max"],
    ...rows.map(({ how, subscribers, perSecond, sample: { durations, errors } }) => [
      how,
      whole(subscribers),
      whole(perSecond),
      whole(durations.length),
      whole(errors),
      ...[0.5, 0.99, 1].map((share) => milliseconds(percentile(durations, share))),
    ]),
  ]);

const memoryTable = (rows: readonly MemoryRow[]) =>
  columns([
    ["how", "subscribers", "before", "with them", "each", "of it heap"],
    ...rows.map((row) => [
      row.how,
      whole(row.subscribers),
      megabytes(row.before.rss),
      megabytes(row.after.rss),
      ...[bytesEach(row, "rss"), bytesEach(row, "heap")].map((bytes) =>
        bytes === null ? "" : `${(bytes / 1024).toFixed(1)} KiB`,
      ),
    ]),
  ]);

const replayTable = (rows: readonly Replay[]) =>
  columns([
    ["how", "events", "frames or pages", "seconds", "events/s"],
    ...rows.map(({ how, events, parts, ms }) => [
      how,
      whole(events),
      whole(parts),
      (ms / 1000).toFixed(1),
      whole((events / ms) * 1000),
    ]),
  ]);

/** How many times longer half of the deliveries took than with the fewest subscribers of the same kind and rate. */
function againstFewest(row: LatencyRow, rows: readonly LatencyRow[]): string {
  const alike = rows.filter(({ how, perSecond }) => how === row.how && perSecond === row.perSecond);
  const fewest = alike.toSorted((a, b) => a.subscribers - b.subscribers)[0];
  return fewest === undefined || fewest === row ? "" : (row.p50 / fewest.p50).toFixed(1);
}

const within = (what: string, which: string, ms: number, limit: number): Measurement => ({
  what,
  measured: `${which} ${milliseconds(ms)}`,
  target: `< ${whole(limit)} ms`,
  ok: ms < limit,
});

const whole = (value: number) => Math.round(value).toLocaleString("en");
const counted = (count: number, noun: string) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
const microseconds = (ms: number) => `${(ms * 1000).toFixed(1)} µs`;
const megabytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
