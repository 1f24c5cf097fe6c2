import type { Tool } from "./tool.ts";
import { addDependency } from "./tools/add-dependency.ts";
import { addTask } from "./tools/add-task.ts";
import { confirmReservation } from "./tools/confirm-reservation.ts";
import { getNextAvailableId } from "./tools/get-next-available-id.ts";
import { getNextTask } from "./tools/get-next-task.ts";
import { getTask } from "./tools/get-task.ts";
import { listTasks } from "./tools/list-tasks.ts";
import { renewTaskLease } from "./tools/renew-task-lease.ts";
import { reserveIdRange } from "./tools/reserve-id-range.ts";
import { createVendor } from "./tools/tracking/create-vendor.ts";
import { createWorkItem } from "./tools/tracking/create-work-item.ts";
import { getProjectConfiguration } from "./tools/tracking/get-project-configuration.ts";
import { getProjectStatus } from "./tools/tracking/get-project-status.ts";
import { listWorkItems } from "./tools/tracking/list-work-items.ts";
import { queryVendorStatus } from "./tools/tracking/query-vendor-status.ts";
import { queryWorkItem } from "./tools/tracking/query-work-item.ts";
import { recordDeployment } from "./tools/tracking/record-deployment.ts";
import { updateProjectConfiguration } from "./tools/tracking/update-project-configuration.ts";
import { updateVendorStatus } from "./tools/tracking/update-vendor-status.ts";
import { updateWorkItem } from "./tools/tracking/update-work-item.ts";
import { updateTaskStatus } from "./tools/update-task-status.ts";
import { waitForChanges } from "./tools/wait-for-changes.ts";

/** What a client gets that chooses no toolsets, in the order in which it lists them. */
export const tools: readonly Tool[] = [
  getNextTask,
  updateTaskStatus,
  renewTaskLease,
  addTask,
  addDependency,
  getTask,
  listTasks,
  waitForChanges,
  reserveIdRange,
  confirmReservation,
  getNextAvailableId,
];

/** Project status and work items, for those who keep them here. */
const trackingTools: readonly Tool[] = [
  createWorkItem,
  updateWorkItem,
  queryWorkItem,
  listWorkItems,
  recordDeployment,
  queryVendorStatus,
  updateVendorStatus,
  createVendor,
  getProjectConfiguration,
  updateProjectConfiguration,
  getProjectStatus,
];

/** The sets of tools that a client chooses among. */
export const TOOLSETS = { default: tools, tracking: trackingTools } as const;
export type Toolset = keyof typeof TOOLSETS;
