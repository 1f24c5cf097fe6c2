import type { Log } from "../../src/log/log.ts";
import { fill, usePartitionsOf } from "./small-partitions.ts";
import { ADMIN, startLog, takeEvents } from "./test-log.ts";

export const LONG_AGO = "docket_now() - interval '3 years'";

/** A log in partitions of 100: two of them full and three years old, of alpha and beta, then ten new events of alpha. */
export async function startOldLog() {
  const log = await startLog();
  await usePartitionsOf(log.owner, 100);
  await fill(log.owner, "alpha", 60, LONG_AGO);
  await fill(log.owner, "beta", 140, LONG_AGO);
  await fill(log.owner, "alpha", 10);
  return log;
}

/** Waits until the process has read so many events behind a cursor: who has not when they are taken out begins anew. */
export async function hasRead(log: Log, after: string, count: number): Promise<void> {
  const stream = await log.follow(ADMIN, { filter: {}, after });
  await takeEvents(stream, count);
  await stream.return?.();
}
