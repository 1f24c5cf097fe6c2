import { sees } from "../../src/access/visibility.ts";
import { idOfTask } from "../../src/tasks/find.ts";
import { areStalled } from "../../src/tasks/stalled.ts";
import type { TaskKey } from "../../src/tasks/task.ts";
import { builder } from "../builder.ts";
import { loader } from "../loader.ts";
import { Attempt, Task } from "./task.ts";

const loadStalled = loader({
  idOf: idOfTask,
  visible: sees,
  read: ({ db }, tasks: readonly TaskKey[]) => areStalled(db, tasks),
});

const DESCRIPTION =
  "its lease is renewed, and for the project's stalledAfterSeconds its worker has left no checkpoint, written nothing to the task and made no call that its session tells of (idleSeconds). The event task.stalled tells it once. Never of a PROJECT or a SESSION.";

builder.prismaObjectField(Task, "stalled", (t) =>
  t.boolean({
    description: `Whether the attempt that holds it shows no life: ${DESCRIPTION}`,
    resolve: async (task, _args, ctx) => (await loadStalled(ctx, task)) ?? false,
  }),
);

builder.prismaObjectField(Attempt, "stalled", (t) =>
  t.boolean({
    description: `Whether it holds the task and shows no life: ${DESCRIPTION}`,
    resolve: async (attempt, _args, ctx) => attempt.endedAt === null && ((await loadStalled(ctx, attempt)) ?? false),
  }),
);
