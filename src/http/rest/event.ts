import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import type { RestEventFragment } from "../../../client/gen/graphql.ts";
import { instant } from "./task.ts";

graphql(`
  fragment RestEvent on Event {
    event_id: eventId
    event_type: type
    task_id: taskId
    user_id: actor
    timestamp: occurredAt
    payload
    correlation_id: correlationId
  }
`);

export const eventSchema = z
  .object({
    event_id: z.string().describe("The same wherever the event is delivered."),
    event_type: z.string().describe("Like task.created, task.claimed."),
    task_id: z.string().nullable().describe("null where it is not about a task."),
    user_id: z.string().describe("The key, or token subject, that did it."),
    timestamp: instant,
    payload: z.unknown().describe("What changed; of created, completed and deleted tasks all of the task."),
    correlation_id: z.string().nullable().describe("X-Request-Id of the request that did it."),
  })
  .meta({ id: "Event", description: "What happened, to what, by whom and when." });

export const eventOf = (event: RestEventFragment): z.output<typeof eventSchema> => event;
