import { setTimeout as delay } from "node:timers/promises";
import type { Sample } from "../measure.ts";
import { Audience, type Subscribe } from "./audience.ts";
import { monotonicMs } from "./clock.ts";
import { type Memory, threadMs } from "./usage.ts";
import type { Claims, Writer } from "./writer.ts";

/** Subscribers of one kind, and how many. */
export interface Listeners {
  readonly how: string;
  readonly count: number;
  readonly subscribe: Subscribe;
  /** Where what they cost is counted: the server's process, or this one. */
  readonly process: { memory(): Promise<Memory>; processorMs(): Promise<number> };
  /** Each group asks in words of its own; 1 where all ask for the same, null where they share the log's process. */
  readonly groups: number | null;
  /** What is claimed of the same server meanwhile, in a round of its own; null: nothing. */
  readonly claims: Claims | null;
}

/** Whom a row is about. */
export interface Listening extends Pick<Listeners, "how" | "groups"> {
  readonly subscribers: number;
}

/** From the commit's acknowledgement to the frame at each subscriber, in milliseconds. */
export interface LatencyRow extends Listening {
  readonly perSecond: number;
  readonly delivered: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** From the first write to the last arrival. */
  readonly ms: number;
  /** As events that come together share frames. */
  readonly frames: number;
  /** Processor time that the server and its clients used meanwhile, in milliseconds; null: they are one. */
  readonly processor: { readonly server: number; readonly clients: number | null };
}

/** How long claims took beside the subscribers and the events, in milliseconds. */
export interface ClaimsRow extends Listening {
  readonly perSecond: number;
  readonly sample: Sample;
}

export interface MemoryRow extends Listening {
  readonly before: Memory;
  readonly after: Memory;
}

/** Processor time of the server for one frame at one subscriber, in microseconds. */
export const serverMicros = ({ processor, frames }: LatencyRow) => (processor.server / frames) * 1000;

/** With fewer subscribers, what each holds is lost in what the process holds anyway. */
const FEWEST_FOR_MEMORY = 100;

/** What the process holds more for each subscriber, in bytes; null with too few of them. */
export const bytesEach = ({ before, after, subscribers }: MemoryRow, of: keyof Memory): number | null =>
  subscribers < FEWEST_FOR_MEMORY ? null : (after[of] - before[of]) / subscribers;

export interface Rows {
  readonly latencies: LatencyRow[];
  readonly claims: ClaimsRow[];
  readonly memory: MemoryRow;
}

/**
 * Written to all before anything is measured, and claims beside it: a server that has run for a while has compiled what it
 * does and planned its statements, and so have its clients.
 */
export const WARM_UP = { perSecond: 10, seconds: 3 };

/** So many come and go before memory is first looked at: what is loaded and compiled for them counts for nobody. */
const FIRST_FEW = 20;
/** Until what connecting left behind can be collected, in milliseconds. */
const MOMENT_MS = 1_000;

/** One set of idle subscribers, then events at each rate. */
export async function measureRows(
  listeners: Listeners,
  writer: Writer,
  { rates, seconds, interrupted }: { rates: readonly number[]; seconds: number; interrupted: AbortSignal },
): Promise<Rows> {
  const { how, groups, count, subscribe, process } = listeners;
  (await Audience.gather(subscribe, Math.min(FIRST_FEW, count), interrupted))[Symbol.dispose]();
  await delay(MOMENT_MS);
  const before = await process.memory();
  using audience = await Audience.gather(subscribe, count, interrupted);
  await delay(MOMENT_MS);
  const memory = { how, groups, subscribers: count, before, after: await process.memory() };
  const rows: Rows = { latencies: [], claims: [], memory };
  await hearRound({ ...WARM_UP, audience, listeners, writer }, listeners.claims);
  for (const perSecond of rates) {
    const round = { audience, listeners, writer, perSecond, seconds };
    rows.latencies.push(await measureRate(round));
    if (listeners.claims) rows.claims.push(await measureClaims(round, listeners.claims));
  }
  return rows;
}

interface Round {
  readonly audience: Audience;
  readonly listeners: Listeners;
  readonly writer: Writer;
  readonly perSecond: number;
  readonly seconds: number;
}

async function measureRate({ audience, listeners, writer, perSecond, seconds }: Round): Promise<LatencyRow> {
  const { how, groups, count, process } = listeners;
  const answeredAt = moments(perSecond * seconds);
  const [serverBefore, ownBefore, startedAt] = [await process.processorMs(), threadMs(), monotonicMs()];
  const framesBefore = audience.frames;
  const latencies = await audience.hear(answeredAt, () => writer.write({ perSecond, seconds, answeredAt }));
  const ms = monotonicMs() - startedAt;
  const own = threadMs() - ownBefore;
  const server = (await process.processorMs()) - serverBefore;
  return {
    how,
    groups,
    subscribers: count,
    perSecond,
    delivered: latencies.count,
    p50: latencies.percentile(50) / 1000,
    p99: latencies.percentile(99) / 1000,
    max: latencies.max / 1000,
    ms,
    frames: audience.frames - framesBefore,
    processor: { server, clients: groups === null ? null : own },
  };
}

async function measureClaims(round: Round, claims: Claims): Promise<ClaimsRow> {
  const sample = await hearRound(round, claims);
  const { how, groups, count } = round.listeners;
  return { how, groups, subscribers: count, perSecond: round.perSecond, sample };
}

/** Writes to all, with claims meanwhile. @returns how long the claims took. */
async function hearRound({ audience, writer, perSecond, seconds }: Round, claims: Claims | null): Promise<Sample> {
  const answeredAt = moments(perSecond * seconds);
  let sample: Sample = { durations: [], errors: 0 };
  await audience.hear(answeredAt, async () => {
    sample = await writer.write({ perSecond, seconds, answeredAt, ...(claims && { claims }) });
  });
  return sample;
}

/** Filled by the writer's thread. */
const moments = (count: number) => new Float64Array(new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT));
