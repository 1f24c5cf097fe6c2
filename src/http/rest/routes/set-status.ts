import { z } from "zod";
import { upperCase } from "../../../../client/enum-case.ts";
import { graphql } from "../../../../client/gen/gql.ts";
import { badInput } from "../../../errors.ts";
import { defineRoute } from "../route.ts";
import { statusSchema, taskOf, taskSchema } from "../task.ts";
import { attempt, taskIn, whichTask } from "../words.ts";

export const setStatus = defineRoute({
  method: "PUT",
  path: "/tasks/{task_id}/status",
  summary: "Claim, complete or give back a task",
  description:
    "in_progress claims this very task and answers the attempt; completed and pending end it. Workers that share a key send the attempt, or the header Docket-Client-Id.",
  query: z.strictObject({ project: whichTask }),
  body: z.strictObject({
    status: statusSchema,
    completion_notes: z.string().nullish().describe("What came of it; with pending why it is given back."),
    notes: z.string().nullish().describe("Same as completion_notes."),
    attempt: attempt.describe("As the claim answered it."),
    reset: z.boolean().nullish().describe("Needed for completed → pending."),
    take_over: z.boolean().nullish().describe("With in_progress: also from another session of this key and worker."),
    worker: z.string().nullish().describe("A name for people to read. Default: the key's."),
    skills: z.array(z.string()).nullish().describe("With in_progress: what the worker can do."),
    lease_seconds: z.int().nullish().describe("With in_progress. Default: the project's."),
  }),
  answer: z.object({
    updated_task: taskSchema.extend({ attempt: z.string().nullable() }).meta({
      id: "UpdatedTask",
      description: "A task as it is now, and the attempt of the caller that holds it.",
    }),
  }),
  document: graphql(`
    mutation RestSetStatus($input: UpdateTaskStatusInput!) {
      updateTaskStatus(input: $input) {
        attempt
        task {
          ...RestTask
        }
      }
    }
  `),
  codes: [
    ...(["TASK_NOT_FOUND", "PROJECT_NOT_FOUND", "AMBIGUOUS_TASK_ID", "INVALID_STATUS_TRANSITION"] as const),
    ...(["NOT_READY", "PROJECT_ARCHIVED", "LEASE_LOST"] as const),
  ],
  takesIfMatch: true,
  version: ({ updated_task }) => updated_task.version,
  async run({ path, query, body, expectedVersion }, ask) {
    if (body.notes != null && body.completion_notes != null)
      throw badInput("Send completion_notes or notes, not both: they mean the same.");
    const notes = body.completion_notes ?? body.notes;
    const { updateTaskStatus } = await ask({
      input: {
        ...taskIn({ path, query }),
        status: upperCase(body.status),
        ...(body.status === "pending" ? { notes } : { completionNotes: notes }),
        attempt: body.attempt,
        reset: body.reset,
        takeOver: body.take_over,
        worker: body.worker,
        skills: body.skills,
        leaseSeconds: body.lease_seconds,
        expectedVersion,
      },
    });
    const { task, attempt: held } = updateTaskStatus;
    return { updated_task: { ...taskOf(task), attempt: held } };
  },
});
