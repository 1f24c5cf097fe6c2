import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { attemptNumber, leaseSeconds } from "../task-card.ts";
import { answered, defineTool } from "../tool.ts";

const RenewTaskLease = graphql(`
  mutation RenewTaskLease($input: RenewTaskLeaseInput!) {
    renewTaskLease(input: $input) {
      attempt
      leaseExpiresAt
      task {
        taskId
        projectId
        project {
          leaseSeconds
        }
      }
    }
  }
`);

export const renewTaskLease = defineTool({
  name: "renew_task_lease",
  title: "Keep a task, save progress",
  description:
    "Extend your lease during long work. `checkpoint` (any JSON object) is kept for whoever goes on if you stop.",
  input: z.strictObject({
    task_id: z.string(),
    attempt: attemptNumber,
    lease_seconds: leaseSeconds,
    // Open, with two members to begin with: Gemini refuses an object without any.
    checkpoint: z.looseObject({ done: z.string().optional(), next: z.string().optional() }).optional(),
    project_id: z.string().optional(),
  }),
  output: z.object({ task_id: z.string(), attempt: z.number(), lease_expires_at: z.string() }),
  example: { task_id: "TASK-001", checkpoint: { done: "tests written", next: "make them pass" } },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ mutate, session, defaultProject }, args) {
    const held = session?.find(args.task_id, args.project_id, defaultProject);
    const { renewTaskLease: answer } = await mutate(RenewTaskLease, {
      projectId: args.project_id ?? held?.projectId ?? defaultProject,
      taskId: args.task_id,
      attempt: args.attempt ?? held?.attempt,
      leaseSeconds: args.lease_seconds ?? held?.leaseSeconds,
      checkpoint: args.checkpoint,
    });
    const attempt = answered(answer.attempt, "an attempt");
    const { projectId, taskId, project } = answered(answer.task, "a task");
    const lease = args.lease_seconds ?? held?.leaseSeconds ?? project.leaseSeconds;
    session?.hold({ projectId, taskId, attempt, leaseSeconds: lease });
    return { task_id: taskId, attempt, lease_expires_at: answered(answer.leaseExpiresAt, "an expiry") };
  },
});
