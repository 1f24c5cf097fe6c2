import { DatabaseSync } from "node:sqlite";
import { tryLock } from "./file-lock.ts";

/** One user of something that many processes share. */
export interface Presence {
  /** Ends this presence. @returns whether it was the last one, which holds while nobody else can begin one. */
  leave(): boolean;
}

/** An object that nothing refers to would be collected, and its lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Makes this process known as a user of what `file` (created when missing, and kept) stands for. It is a shared lock of
 * the operating system, taken through SQLite as in file-lock.ts: a killed process loses it, and nothing else ends it.
 * Several in one process count each. Begin and leave under a lock that others wait for.
 */
export function bePresent(file: string): Presence {
  const lock = new DatabaseSync(file, { timeout: 0 });
  // The lock of a reader lasts until the end of its transaction.
  lock.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
  held.add(lock);
  return {
    leave: () => {
      held.delete(lock);
      lock.exec("COMMIT");
      try {
        return tryLock(lock);
      } finally {
        lock.close();
      }
    },
  };
}
