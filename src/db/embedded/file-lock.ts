import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 50;
const PATIENCE_MS = 600_000;
const SQLITE_BUSY = 5;

/**
 * Runs `work` while no other process holds the lock on `file` (created when missing, and kept).
 * It is a lock of the operating system, taken through SQLite because Node has no flock: it ends with the process that
 * holds it, even by kill -9, so nothing has to guess whether the owner of a left-over lock file still lives.
 * @param abort ends the wait for the lock, not the work.
 * @throws Error when the lock is not free within ten minutes, longer than any start or stop.
 */
export async function whileLocked<T>(file: string, work: () => Promise<T>, abort?: AbortSignal): Promise<T> {
  using lock = new DatabaseSync(file, { timeout: 0 });
  const deadline = performance.now() + PATIENCE_MS;
  while (!tryLock(lock)) {
    if (performance.now() > deadline) {
      throw new Error(
        `Another process has held ${file} for ${PATIENCE_MS / 1000} s. Wait for it to end, then try again.`,
      );
    }
    await sleep(POLL_MS, undefined, { signal: abort });
  }
  return await work();
}

/** Takes a lock that no other process has at present. @returns false when one has it. */
export function tryLock(lock: DatabaseSync): boolean {
  try {
    // Nothing is ever written, not even a journal: a full disk must not keep anybody from starting or stopping.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
