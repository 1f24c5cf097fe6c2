import type { RestRoute } from "./route.ts";
import { addBatch } from "./routes/add-batch.ts";
import { addTask } from "./routes/add-task.ts";
import { auditTask } from "./routes/audit-task.ts";
import { confirmIds } from "./routes/confirm-ids.ts";
import { deleteExpired } from "./routes/delete-expired.ts";
import { deleteTask } from "./routes/delete-task.ts";
import { getTask } from "./routes/get-task.ts";
import { listTasks } from "./routes/list-tasks.ts";
import { nextId } from "./routes/next-id.ts";
import { nextTask } from "./routes/next-task.ts";
import { notifications } from "./routes/notifications.ts";
import { reserveIds } from "./routes/reserve-ids.ts";
import { setStatus } from "./routes/set-status.ts";
import { updateTask } from "./routes/update-task.ts";

/** Every route, as they are described. */
export const ROUTES: readonly RestRoute[] = [
  ...[nextTask, listTasks, getTask, addTask, updateTask, deleteTask, setStatus, addBatch],
  ...[nextId, reserveIds, confirmIds, deleteExpired, auditTask, notifications],
];

/** Every route is there under this as well. */
export const PREFIX = "/api/v1";

/** What is at one path. */
interface Place {
  /** As it is described, with `{task_id}`. */
  readonly path: string;
  readonly pattern: RegExp;
  readonly routes: ReadonlyMap<string, RestRoute>;
}

/** Paths without parameters come first. */
const PLACES: readonly Place[] = [...Map.groupBy(ROUTES, ({ path }) => path)]
  .map(([path, routes]) => ({
    path,
    pattern: new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
    routes: new Map(routes.map((route) => [route.method, route])),
  }))
  .toSorted((a, b) => Number(a.path.includes("{")) - Number(b.path.includes("{")));

export interface Found extends Place {
  /** The parts of the path that it names, as they were sent. */
  readonly parts: Readonly<Record<string, string>>;
}

/** What is at a path, as it was sent. */
export function placeAt(sent: string): Found | undefined {
  const path = sent.startsWith(`${PREFIX}/`) ? sent.slice(PREFIX.length) : sent;
  for (const place of PLACES) {
    const match = place.pattern.exec(path);
    if (match) return { ...place, parts: { ...match.groups } };
  }
  return undefined;
}
