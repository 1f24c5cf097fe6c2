import { below, type Measurement } from "../measure.ts";
import { bytesEach, type ClaimsRow, type LatencyRow, type Listening, type MemoryRow, serverMicros } from "./rows.ts";

/** The audiences that goals are set for: so many sockets, in one group or in this number of groups. */
const SOCKETS = 10_000;
const GROUPS = 1_000;

/** By events a second: the limits of p99 in milliseconds, where all ask for the same and in many groups. */
const LATENCY: ReadonlyMap<number, { readonly alike: number; readonly mixed: number }> = new Map([
  [1, { alike: 300, mixed: 500 }],
  [10, { alike: 500, mixed: 500 }],
]);
/** Of the server's processor, for one frame at one subscriber. */
const MOST_MICROS = 20;
const MOST_KIB = 21;
const CLAIMS_MS = 50;

interface Measured {
  readonly latencies: readonly LatencyRow[];
  readonly claims: readonly ClaimsRow[];
  readonly memory: readonly MemoryRow[];
}

/** What is aimed at for ten thousand sockets, as far as they were measured. */
export function goals({ latencies, claims, memory }: Measured): Measurement[] {
  return [
    ...latencies.flatMap((row) => {
      const limits = LATENCY.get(row.perSecond);
      if (!limits) return [];
      if (isMixed(row)) return [p99(row, limits.mixed)];
      return isAlike(row) ? [p99(row, limits.alike), processor(row)] : [];
    }),
    ...claims
      .filter((row) => isAlike(row) && LATENCY.has(row.perSecond))
      .map((row) => below(`${named(row)}, ${row.perSecond} events/s: claims meanwhile`, row.sample, 0.99, CLAIMS_MS)),
    ...memory.filter(isAlike).flatMap((row) => {
      const bytes = bytesEach(row, "rss");
      return bytes === null ? [] : [atMost(`${named(row)}: memory each`, bytes / 1024, MOST_KIB, "KiB")];
    }),
  ];
}

const isAlike = ({ subscribers, groups }: Listening) => subscribers === SOCKETS && groups === 1;
const isMixed = ({ subscribers, groups }: Listening) => subscribers === SOCKETS && groups === GROUPS;

const named = ({ how, subscribers }: Listening) => `${subscribers.toLocaleString("en")} × ${how}`;

const p99 = (row: LatencyRow, limit: number) => ({
  what: `${named(row)}, ${row.perSecond} events/s`,
  measured: `p99 ${row.p99.toFixed(1)} ms`,
  target: `< ${limit} ms`,
  ok: row.p99 < limit,
});

const processor = (row: LatencyRow) =>
  atMost(`${named(row)}, ${row.perSecond} events/s: server for a frame`, serverMicros(row), MOST_MICROS, "µs");

const atMost = (what: string, value: number, limit: number, unit: string): Measurement => ({
  what,
  measured: `${value.toFixed(1)} ${unit}`,
  target: `≤ ${limit} ${unit}`,
  ok: value <= limit,
});
