/** Aborted by Ctrl-C, so that what was started is stopped again. */
export function untilInterrupted(): AbortSignal {
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => interrupt.abort(new Error("Interrupted.")));
  return interrupt.signal;
}
