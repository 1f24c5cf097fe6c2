import { subject } from "../subject.ts";
import { loadTask, longOf } from "./load.ts";
import { Task } from "./task.ts";

subject(Task, "task", {
  keyOf: ({ projectId, taskId }) => ({ projectId, id: taskId }),
  load: async (ctx, { projectId, id }, asOf, info) =>
    projectId === null ? null : loadTask(ctx, { projectId, taskId: id }, { long: longOf(info) }, asOf),
});
