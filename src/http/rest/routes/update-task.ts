import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { SAID, saidInGraphQL } from "../given-task.ts";
import { defineRoute } from "../route.ts";
import { taskOf, taskSchema } from "../task.ts";
import { attempt, taskIn, whichTask } from "../words.ts";

export const updateTask = defineRoute({
  method: "PATCH",
  path: "/tasks/{task_id}",
  summary: "Change what is said of a task",
  description: "What is left out stays, null empties. The status has a route of its own.",
  query: z.strictObject({ project: whichTask }),
  body: z.strictObject({
    ...SAID,
    commit_hash: z.string().nullish(),
    pr_number: z.int().nullish(),
    attempt: attempt.describe("Refuse the change unless this attempt still holds the task."),
  }),
  answer: z.object({ updated_task: taskSchema }),
  document: graphql(`
    mutation RestUpdateTask($input: UpdateTaskInput!) {
      updateTask(input: $input) {
        task {
          ...RestTask
        }
      }
    }
  `),
  codes: [
    ...(["TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "AMBIGUOUS_TASK_ID"] as const),
    ...(["LEASE_LOST", "DEPENDENCY_CYCLE"] as const),
  ],
  takesIfMatch: true,
  version: ({ updated_task }) => updated_task.version,
  async run({ path, query, body, expectedVersion }, ask) {
    const { updateTask } = await ask({
      input: {
        ...taskIn({ path, query }),
        ...saidInGraphQL(body),
        commitHash: body.commit_hash,
        prNumber: body.pr_number,
        attempt: body.attempt,
        expectedVersion,
      },
    });
    return { updated_task: taskOf(updateTask.task) };
  },
});
