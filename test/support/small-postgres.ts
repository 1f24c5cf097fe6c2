/**
 * For a test's own PostgreSQL, which has little to do: with less memory and fewer processes it starts in two thirds of
 * the time. It syncs nothing.
 */
export const SMALL: Readonly<Record<string, string>> = {
  fsync: "off",
  shared_buffers: "16MB",
  io_method: "sync",
  autovacuum: "off",
  max_logical_replication_workers: "0",
};
