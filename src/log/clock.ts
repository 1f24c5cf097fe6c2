/** Monotonic time and one-shot timers of this process; tests move them by hand. Instants are the database's. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /** Runs `callback` once, `ms` milliseconds from now; the answer cancels it. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    if (ms <= 0) {
      // A timer would sleep for a millisecond at least.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, ms);
    // What keeps the process alive is its listening socket, not the log.
    timer.unref();
    return () => clearTimeout(timer);
  },
};
