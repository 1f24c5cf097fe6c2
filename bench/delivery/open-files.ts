/** What the server and the clients need beside their sockets. */
const OTHERS = 300;

/** How many sockets a process may have. Node itself raises the limit of its process as far as it may. */
export function mostSockets(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { hard?: number | string } } };
  const limit = Number(userLimits?.open_files?.hard);
  // "unlimited", or a system that has no such limit.
  return Number.isFinite(limit) ? limit - OTHERS : Number.POSITIVE_INFINITY;
}
