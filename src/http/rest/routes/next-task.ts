import { z } from "zod";
import { upperCase } from "../../../../client/enum-case.ts";
import { graphql } from "../../../../client/gen/gql.ts";
import { defineRoute } from "../route.ts";
import { statusSchema, taskOf, taskSchema } from "../task.ts";
import { projectId } from "../words.ts";

export const nextTask = defineRoute({
  method: "GET",
  path: "/tasks/next",
  summary: "Look at the next task of a project",
  description:
    "It is not claimed: PUT /tasks/{task_id}/status with in_progress does that. Without one, task is null and message says why.",
  query: z.strictObject({
    project: projectId,
    status: statusSchema.default("pending").describe("pending: what a claim would take, expired leases included."),
  }),
  answer: z.object({ task: taskSchema.nullable(), message: z.string().optional() }),
  document: graphql(`
    query RestNextTask($projectId: ID!, $status: TaskStatus!) {
      nextTask(projectId: $projectId, status: $status) {
        task {
          ...RestTask
        }
        idle {
          message
        }
      }
    }
  `),
  codes: ["PROJECT_NOT_FOUND", "PROJECT_ARCHIVED"],
  async run({ query }, ask) {
    const { task, idle } = (await ask({ projectId: query.project, status: upperCase(query.status) })).nextTask;
    return { task: task && taskOf(task), ...(idle && { message: idle.message }) };
  },
});
