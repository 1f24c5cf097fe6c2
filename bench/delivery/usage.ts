import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Of one process, in bytes, after a garbage collection: what is held, not what happened to be left lying. */
export interface Memory {
  /** Resident set: the memory of the whole process, as the operating system counts it. */
  readonly rss: number;
  readonly heap: number;
}

let collect: (() => void) | undefined;

/** The memory that this process holds. */
export function heldMemory(): Memory {
  if (!collect) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // Finalizers of the first free what only the second finds.
  collect();
  collect();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}

/** Processor time that this process has used, in milliseconds. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Of it what this thread has used: other threads write meanwhile. */
export function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
