/** The monotonic clock minus `performance.now()`, which every thread and process counts from another beginning. */
const BEGIN_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of the machine's monotonic clock: the same in every thread and process. */
export const monotonicMs = () => BEGIN_MS + performance.now();
