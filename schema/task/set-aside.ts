import { deleteTask } from "../../src/tasks/delete.ts";
import { parkTask } from "../../src/tasks/park.ts";
import { moveInQueue } from "../../src/tasks/queue/move-in-queue.ts";
import { restoreTask } from "../../src/tasks/restore.ts";
import { unparkTask } from "../../src/tasks/unpark.ts";
import { mutation } from "../mutation.ts";
import { address, VERSION } from "./address.ts";
import { taskOf } from "./payload.ts";
import { becameReadyField } from "./waiting.ts";

mutation(parkTask, {
  description:
    "Keeps a task from being claimed until unparkTask; who holds it may finish it. TASK_NOT_FOUND, VERSION_CONFLICT, BAD_USER_INPUT for a completed one",
  input: (t) => ({
    ...address(t, "Refuse the change unless this attempt still holds the task."),
    reason: t.string({ required: true, description: "What somebody has to decide, at most 500 characters." }),
    expectedVersion: t.int({ description: VERSION }),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});

mutation(unparkTask, {
  description:
    "Lets a task be claimed again, at once: it is not parked, waits for no time, and its failures are forgotten. TASK_NOT_FOUND, VERSION_CONFLICT",
  input: (t) => ({
    ...address(t, "Refuse the change unless this attempt still holds the task."),
    expectedVersion: t.int({ description: VERSION }),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});

mutation(moveInQueue, {
  description:
    "Gives an open task another place in the queue, among those of its project and priority: say exactly one of before, after and first. A held one has its place again when it is given back. TASK_NOT_FOUND also for the other task, VERSION_CONFLICT, BAD_USER_INPUT for another priority (set that first, with updateTask) and for what is completed",
  input: (t) => ({
    ...address(t, "Refuse the change unless this attempt still holds the task."),
    before: t.id({ description: "Just before this task of the same project, like TASK-012." }),
    after: t.id({ description: "Just after this task of the same project." }),
    first: t.boolean({ description: "true: before all others of its priority." }),
    expectedVersion: t.int({ description: VERSION }),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});

mutation(deleteTask, {
  description:
    "Takes a task off every list; its ID and history stay. LEASE_LOST when somebody else holds it; BAD_USER_INPUT naming its open children, unless cascade.",
  input: (t) => ({
    ...address(t),
    cascade: t.boolean({
      description:
        "Delete all that lies below it, too, at most 1,000 tasks in all, unless somebody works on some of it.",
    }),
    expectedVersion: t.int({ description: VERSION }),
  }),
  payload: (t) => ({ task: taskOf(t), becameReady: becameReadyField(t, (task) => task) }),
});

mutation(restoreTask, {
  description:
    "Brings a deleted or archived task back as it was, with its history. BAD_USER_INPUT while its parent is away, ID_TAKEN when another task makes its artifact now, VERSION_CONFLICT.",
  input: (t) => ({
    projectId: t.id({ required: true, description: "Of the task." }),
    taskId: t.id({ required: true, description: "Like TASK-042." }),
    cascade: t.boolean({ description: "Restore all that lies below it, too." }),
    expectedVersion: t.int({ description: VERSION }),
  }),
  payload: (t) => ({ task: taskOf(t) }),
});
