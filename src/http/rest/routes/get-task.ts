import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";
import { taskOf, taskSchema } from "../task.ts";
import { taskIn, whichTask } from "../words.ts";

export const getTask = defineRoute({
  method: "GET",
  path: "/tasks/{task_id}",
  summary: "Read a task",
  query: z.strictObject({ project: whichTask }),
  answer: z.object({ task: taskSchema }),
  document: graphql(`
    query RestGetTask($projectId: ID, $taskId: ID!) {
      task(projectId: $projectId, taskId: $taskId) {
        ...RestTask
      }
    }
  `),
  codes: ["TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "AMBIGUOUS_TASK_ID"],
  version: ({ task }) => task.version,
  async run(given, ask) {
    const { task } = await ask(taskIn(given));
    return { task: taskOf(task) };
  },
});
