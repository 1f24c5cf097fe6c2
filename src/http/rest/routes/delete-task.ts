import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";
import { taskIn, whichTask } from "../words.ts";

export const deleteTask = defineRoute({
  method: "DELETE",
  path: "/tasks/{task_id}",
  summary: "Delete a task",
  description: "It leaves every list; its ID and its history stay.",
  query: z.strictObject({
    project: whichTask,
    cascade: z
      .boolean()
      .default(false)
      .describe("true: with all that lies below it, at most 1,000 tasks in all, unless somebody works on some of it."),
    attempt: z.string().optional().describe("Of the one that holds it."),
  }),
  answer: z.object({ task_id: z.string() }),
  document: graphql(`
    mutation RestDeleteTask($input: DeleteTaskInput!) {
      deleteTask(input: $input) {
        task {
          taskId
        }
      }
    }
  `),
  codes: ["TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "AMBIGUOUS_TASK_ID", "LEASE_LOST"],
  takesIfMatch: true,
  async run({ path, query, expectedVersion }, ask) {
    const { cascade, attempt: given } = query;
    const input = { ...taskIn({ path, query }), cascade, attempt: given, expectedVersion };
    return { task_id: (await ask({ input })).deleteTask.task.taskId };
  },
});
