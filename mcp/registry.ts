import type { Tool } from "./tool.ts";
import { addTask } from "./tools/add-task.ts";
import { confirmReservation } from "./tools/confirm-reservation.ts";
import { getNextAvailableId } from "./tools/get-next-available-id.ts";
import { getNextTask } from "./tools/get-next-task.ts";
import { getTask } from "./tools/get-task.ts";
import { listTasks } from "./tools/list-tasks.ts";
import { renewTaskLease } from "./tools/renew-task-lease.ts";
import { reserveIdRange } from "./tools/reserve-id-range.ts";
import { updateTaskStatus } from "./tools/update-task-status.ts";
import { waitForChanges } from "./tools/wait-for-changes.ts";

/** Every tool, in the order in which a client lists them. */
export const tools: readonly Tool[] = [
  getNextTask,
  updateTaskStatus,
  renewTaskLease,
  addTask,
  getTask,
  listTasks,
  waitForChanges,
  reserveIdRange,
  confirmReservation,
  getNextAvailableId,
];
