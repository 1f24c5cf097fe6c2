import { setTimeout as delay } from "node:timers/promises";
import { Audience, type Subscribe } from "./audience.ts";
import { monotonicMs } from "./clock.ts";
import { heldMemory, type Memory, processorMs } from "./usage.ts";
import type { Writer } from "./writer.ts";

/** Subscribers of one kind, and how many. */
export interface Listeners {
  readonly how: string;
  readonly count: number;
  readonly subscribe: Subscribe;
  /** Where what they cost is counted: the server's process, or this one. */
  readonly process: { memory(): Promise<Memory>; processorMs(): Promise<number> };
}

/** From the commit's acknowledgement to the frame at each subscriber, in milliseconds. */
export interface LatencyRow {
  readonly how: string;
  readonly subscribers: number;
  readonly perSecond: number;
  readonly delivered: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** From the first write to the last arrival. */
  readonly ms: number;
  /** Shares of one processor that the server and this process, its clients, used meanwhile; null: they are one. */
  readonly load: { readonly server: number; readonly clients: number | null };
}

export interface MemoryRow {
  readonly how: string;
  readonly subscribers: number;
  readonly before: Memory;
  readonly after: Memory;
}

export interface Rows {
  readonly latencies: readonly LatencyRow[];
  readonly memory: MemoryRow;
}

/** The log's part in this process. */
export const thisProcess: Listeners["process"] = {
  memory: async () => heldMemory(),
  processorMs: async () => processorMs(),
};

/** So many come and go before memory is first looked at: what is loaded and compiled for them counts for nobody. */
const WARM_UP = 20;
/** Until what connecting left behind can be collected, in milliseconds. */
const MOMENT_MS = 1_000;

/** One set of idle subscribers, then events at each rate. */
export async function measureRows(
  listeners: Listeners,
  writer: Writer,
  { rates, seconds, interrupted }: { rates: readonly number[]; seconds: number; interrupted: AbortSignal },
): Promise<Rows> {
  const { how, count, subscribe, process } = listeners;
  (await Audience.gather(subscribe, Math.min(WARM_UP, count), interrupted))[Symbol.dispose]();
  await delay(MOMENT_MS);
  const before = await process.memory();
  using audience = await Audience.gather(subscribe, count, interrupted);
  await delay(MOMENT_MS);
  const memory = { how, subscribers: count, before, after: await process.memory() };
  const latencies: LatencyRow[] = [];
  for (const perSecond of rates) latencies.push(await measureRate(audience, listeners, writer, perSecond, seconds));
  return { latencies, memory };
}

async function measureRate(
  audience: Audience,
  { how, count, process }: Listeners,
  writer: Writer,
  perSecond: number,
  seconds: number,
): Promise<LatencyRow> {
  const answeredAt = new Float64Array(new SharedArrayBuffer(perSecond * seconds * Float64Array.BYTES_PER_ELEMENT));
  const [serverBefore, ownBefore, startedAt] = [await process.processorMs(), processorMs(), monotonicMs()];
  const latencies = await audience.hear(answeredAt, () => writer.write({ perSecond, seconds, answeredAt }));
  const ms = monotonicMs() - startedAt;
  const own = processorMs() - ownBefore;
  const server = (await process.processorMs()) - serverBefore;
  return {
    how,
    subscribers: count,
    perSecond,
    delivered: latencies.count,
    p50: latencies.percentile(50) / 1000,
    p99: latencies.percentile(99) / 1000,
    max: latencies.max / 1000,
    ms,
    load: { server: server / ms, clients: process === thisProcess ? null : own / ms },
  };
}
