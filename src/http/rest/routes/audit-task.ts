import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { eventOf, eventSchema } from "../event.ts";
import { defineRoute } from "../route.ts";
import { whichTask } from "../words.ts";

const LARGEST_PAGE = 100;

export const auditTask = defineRoute({
  method: "GET",
  path: "/audit/tasks/{task_id}",
  summary: "Read what happened to a task",
  description:
    "Oldest first, of a deleted task as well. There are more where next_cursor is no null: send it as cursor.",
  query: z.strictObject({
    project: whichTask,
    limit: z.int().min(1).max(LARGEST_PAGE).default(LARGEST_PAGE),
    cursor: z.string().optional(),
  }),
  answer: z.object({
    task_id: z.string(),
    events: z.array(eventSchema),
    count: z.int().describe("How many are answered."),
    next_cursor: z.string().nullable(),
  }),
  document: graphql(`
    query RestAuditTask($projectId: ID, $taskId: ID!, $first: Int!, $after: String) {
      task(projectId: $projectId, taskId: $taskId, deleted: true) {
        taskId
        history(first: $first, after: $after) {
          events {
            ...RestEvent
          }
          cursor
          caughtUp
        }
      }
    }
  `),
  codes: ["TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "AMBIGUOUS_TASK_ID", "CURSOR_EXPIRED"],
  async run({ path, query: { project, limit, cursor } }, ask) {
    const { task } = await ask({ projectId: project, taskId: path["task_id"] ?? "", first: limit, after: cursor });
    const events = task.history?.events.map(eventOf) ?? [];
    return {
      task_id: task.taskId,
      events,
      count: events.length,
      next_cursor: task.history?.caughtUp === false ? task.history.cursor : null,
    };
  },
});
