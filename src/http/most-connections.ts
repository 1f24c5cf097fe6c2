import { readFileSync } from "node:fs";

/** Descriptors that are kept for the database's connections, the log's files and the process itself. */
const RESERVED = 256;

/**
 * How many connections of clients this process can hold without taking the descriptors that it needs for its own work;
 * Infinity where the system does not say how many there are.
 */
export function mostConnections(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    if (soft === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(Number(soft) - RESERVED, Math.floor(Number(soft) / 4));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
