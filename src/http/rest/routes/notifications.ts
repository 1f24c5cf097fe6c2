import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { eventOf, eventSchema } from "../event.ts";
import { defineStream } from "../route.ts";

export const notifications = defineStream({
  path: "/notifications/stream",
  summary: "Follow what happens, as server-sent events",
  description:
    "Each event has its type as event, its cursor as id, and as data what /audit/tasks/{task_id} has of it. Last-Event-ID resumes behind that. event: heartbeat comes every 30 seconds.",
  query: z.strictObject({
    project: z.string().optional().describe("Default: every project that the key sees."),
    types: z
      .array(z.string())
      .default(["task.*"])
      .describe("Separated by commas, like task.completed, or task.* for all of tasks; * is all there is."),
  }),
  answer: eventSchema,
  document: graphql(`
    subscription RestNotifications($filter: EventFilter!) {
      taskEvents(filter: $filter) {
        events {
          cursor
          ...RestEvent
        }
      }
    }
  `),
  codes: ["PROJECT_NOT_FOUND", "CURSOR_EXPIRED"],
  variables: ({ project, types }) => ({
    filter: {
      ...(project !== undefined && { projects: [project] }),
      ...(!types.includes("*") && { types }),
    },
  }),
  events: ({ taskEvents }) =>
    taskEvents.events.map(({ cursor, ...event }) => ({ type: event.event_type, cursor, data: eventOf(event) })),
});
