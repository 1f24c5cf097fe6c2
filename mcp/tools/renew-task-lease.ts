import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { attemptId, leaseSeconds } from "../task-card.ts";
import { answered, defineTool } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

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

const GO_ON = "Go on with the task; call this again before lease_expires_at, or update_task_status when it is done.";

export const renewTaskLease = defineTool({
  name: "renew_task_lease",
  title: "Keep a task, save progress",
  description:
    "Extend your lease during long work. checkpoint (any JSON object) is kept for whoever goes on if you stop.",
  input: z.strictObject({
    task_id: z.string(),
    attempt: attemptId,
    lease_seconds: leaseSeconds,
    // Open, with two members to begin with: Gemini refuses an object without any.
    checkpoint: z.looseObject({ done: z.string().optional(), next: z.string().optional() }).optional(),
    project_id: z.string().optional(),
  }),
  output: z.object({ task_id: z.string(), attempt: z.string().optional(), lease_expires_at: z.string() }),
  example: { task_id: "TASK-001", checkpoint: { done: "tests written", next: "make them pass" } },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run({ mutate, session, defaultProject }, args) {
    const held = session?.find(args.task_id, args.project_id, defaultProject);
    const { renewTaskLease: answer } = await mutate(RenewTaskLease, {
      // An attempt tells the project by itself.
      projectId: args.project_id ?? (args.attempt === undefined ? held?.projectId : undefined),
      taskId: args.task_id,
      attempt: args.attempt ?? held?.attempt,
      leaseSeconds: args.lease_seconds ?? held?.leaseSeconds,
      checkpoint: args.checkpoint,
      // Whoever calls is there.
      idleSeconds: 0,
    });
    const { projectId, taskId, project } = answered(answer.task, "a task");
    const { attempt } = answer;
    // An attempt that the call brings may be another session's, which goes on with it when this one ends. Without one
    // Docket asks for the session that took the task, or for an admin, who is told no attempt.
    const isOwn = args.attempt === undefined || session?.find(taskId, projectId, undefined)?.attempt === attempt;
    const lease = args.lease_seconds ?? held?.leaseSeconds ?? project.leaseSeconds;
    if (isOwn && attempt !== null) session?.hold({ projectId, taskId, attempt, leaseSeconds: lease });
    const lease_expires_at = answered(answer.leaseExpiresAt, "an expiry");
    return { task_id: taskId, ...withoutEmpties({ attempt }), lease_expires_at, next: GO_ON };
  },
});
