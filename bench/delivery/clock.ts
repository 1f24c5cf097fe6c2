/** Milliseconds of the machine's monotonic clock: the same in every thread and process, unlike `performance.now()`. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;
