import { statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { hasNoRoom } from "../faults.ts";
import type { EmbeddedServer } from "./start.ts";

/** Hears how the server fares. */
export interface Health {
  /** The server has gone, or could not be started again; the same error may come many times. */
  failed(error: Error): void;
  /** It runs again. */
  over(): void;
}

export interface Keeper {
  /** Why nobody looks after the server any more; pending as long as somebody does. */
  readonly givenUp: Promise<Error>;
  /** Ends the looking after, and a start under way. */
  stop(): Promise<void>;
}

/** How often the server is looked at, in milliseconds. */
const LOOK_MS = 250;
/** Pauses before the second start in a row, the third …, and before every later one, in milliseconds. */
const PAUSES_MS = [500, 1_000, 2_000];
const LONGEST_PAUSE_MS = 4_000;
/** So many failures within so many milliseconds are too many. */
const MOST_FAILURES = 5;
const WITHIN_MS = 60_000;
/** A server that ran for longer is started again without a pause, in milliseconds. */
const SHORT_LIFE_MS = 5_000;
/** PostgreSQL starts with a new segment of its write-ahead log, 16 MB, and needs some more to recover. */
const LEAST_SPACE_BYTES = 32 * 1024 ** 2;

/**
 * Looks after an embedded server until it is told to stop: one that has gone (killed, out of memory, stopped by a full
 * disk) is started again at its address, with growing pauses between failures. It gives up after too many failures: each
 * end of the server is one, each start that fails another; waiting for space on a full disk, or for descriptors, is none,
 * and never ends.
 */
export function keepRunning(server: EmbeddedServer, health: Health): Keeper {
  const ending = new AbortController();
  const rest = (ms: number) => sleep(ms, undefined, { signal: ending.signal, ref: false }).catch(() => undefined);
  let failures: number[] = [];

  /** @returns whether that was one failure too many. */
  async function isTooMany(failure: Error): Promise<boolean> {
    if (await isForWantOfRoom(failure, server.data)) return false;
    const now = performance.now();
    failures = [...failures.filter((at) => now - at < WITHIN_MS), now];
    return failures.length >= MOST_FAILURES;
  }

  async function watch(givenUp: (error: Error) => void): Promise<void> {
    let tries = 0;
    let startedAt = Number.NEGATIVE_INFINITY;
    let ran = true;
    let unseen = false;
    while (!ending.signal.aborted) {
      const seen = await server.isRunning().catch((error: Error) => error);
      // A look that fails, as when no more files can be opened, does not show that the server has gone.
      if (seen !== false) {
        if (seen instanceof Error) health.failed(seen);
        else if (unseen) health.over();
        unseen = seen !== true;
        if (performance.now() - startedAt > SHORT_LIFE_MS) tries = 0;
        await rest(LOOK_MS);
        continue;
      }
      const gone = new Error("PostgreSQL has ended unexpectedly.");
      health.failed(gone);
      if (ran && (await isTooMany(gone))) return givenUp(tooMany(gone));
      ran = false;
      if (tries > 0) await rest(PAUSES_MS[tries - 1] ?? LONGEST_PAUSE_MS);
      if (ending.signal.aborted) return;
      tries++;
      try {
        await server.restart(ending.signal);
        startedAt = performance.now();
        ran = true;
        health.over();
      } catch (cause) {
        if (ending.signal.aborted) return;
        const error = cause instanceof Error ? cause : new Error(String(cause));
        health.failed(error);
        if (await isTooMany(error)) return givenUp(tooMany(error));
      }
    }
  }

  const { promise: givenUp, resolve } = Promise.withResolvers<Error>();
  const watching = watch(resolve).catch(resolve);
  return {
    givenUp,
    stop: async () => {
      ending.abort();
      await watching;
    },
  };
}

function tooMany(cause: Error): Error {
  return new Error(
    `The embedded PostgreSQL failed ${MOST_FAILURES} times within a minute, so Docket ends. Remove the cause and start ` +
      `Docket again: what it has answered is kept. ${cause.message}`,
    { cause },
  );
}

async function isForWantOfRoom(error: Error, folder: string): Promise<boolean> {
  if (hasNoRoom(error)) return true;
  if (/No space left on device|Disk quota exceeded|disk is full/.test(error.message)) return true;
  // PostgreSQL's log, which would tell, lies on the same disk.
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < LEAST_SPACE_BYTES;
}
