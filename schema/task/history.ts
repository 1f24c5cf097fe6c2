import { sees } from "../../src/access/visibility.ts";
import type { HistoryQuery } from "../../src/log/read/history.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder } from "../builder.ts";
import { CURSOR_FAULTS, EventPage, historyQuery, pageOfLog, refuseInFrames } from "../event.ts";
import { loader } from "../loader.ts";
import { Task } from "./task.ts";

const loadHistory = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ log }, tasks: readonly TaskKey[], query: HistoryQuery) =>
    log.histories(
      "task",
      tasks.map(({ projectId, taskId }) => ({ projectId, id: taskId })),
      query,
    ),
});

builder.prismaObjectField(Task, "history", (t) =>
  t.field({
    type: EventPage,
    nullable: true,
    description:
      "What happened to it: claims, changes with old and new values, completion, by whom and when. Not in " +
      `subscriptions. ${CURSOR_FAULTS}`,
    args: pageOfLog(t),
    resolve: (task, page, ctx, info) => {
      refuseInFrames(info);
      return loadHistory(ctx, task, historyQuery(page, info));
    },
  }),
);
