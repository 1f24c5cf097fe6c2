import { z } from "zod";
import { graphql } from "../client/gen/gql.ts";
import type { BriefingCardFragment, TaskCardFragment, TaskStatus } from "../client/gen/graphql.ts";
import { withoutEmpties } from "./without-empties.ts";

/** A task as a model works on it. */
graphql(`
  fragment TaskCard on Task {
    task_id: taskId
    project_id: projectId
    status
    title
    description
    priority
    labels
    generator_name: generatorName
    inputs
    expected_outputs: expectedOutputs
    context_notes: contextNotes
    artifact_id: artifactId
    branch_name: branchName
    due_date: dueDate
    metadata
    claimed_by: claimedBy
    lease_expires_at: leaseExpiresAt
  }
`);

/** What earlier attempts at a task left for the next one. */
graphql(`
  fragment BriefingCard on Briefing {
    checkpoint
    branch_name: branchName
    attempts {
      number
      worker
      outcome
      ended_at: endedAt
      notes
    }
  }
`);

const STATUSES = ["pending", "in_progress", "completed"] as const;
export const statusSchema = z.enum(STATUSES);
/** An attempt at a task, as the claim returned it. */
export const attemptId = z.string().max(100).describe("From get_next_task").optional();
export const leaseSeconds = z.int().min(1).max(86_400).optional();

const GRAPHQL_STATUS = { pending: "PENDING", in_progress: "IN_PROGRESS", completed: "COMPLETED" } as const;

export function toGraphQLStatus(status: z.output<typeof statusSchema>): TaskStatus {
  return GRAPHQL_STATUS[status];
}

export function fromGraphQLStatus(status: TaskStatus): z.output<typeof statusSchema> {
  return STATUSES.find((name) => GRAPHQL_STATUS[name] === status) ?? "pending";
}

/** What earlier attempts left. */
export const briefingSchema = z.looseObject({
  branch_name: z.string().optional(),
  attempts: z.array(z.looseObject({ worker: z.string().optional(), outcome: z.string().optional() })).optional(),
});

/** What every card has; the rest of it says itself what it is, and would cost the listing of each tool. */
export const taskCardSchema = z.object({
  task_id: z.string(),
  project_id: z.string(),
  status: statusSchema,
  description: z.string().optional(),
});

/** The card with the status as tools spell it and without what is empty. */
export function cardOf({ task_id, project_id, status, ...rest }: TaskCardFragment) {
  return { task_id, project_id, status: fromGraphQLStatus(status), ...withoutEmpties(rest) };
}

/** The briefing without what is empty; undefined when nothing was left. */
export function briefingOf(briefing: BriefingCardFragment | null | undefined) {
  if (briefing == null) return undefined;
  const attempts = briefing.attempts.map(({ outcome, ...rest }) =>
    withoutEmpties({ ...rest, outcome: outcome?.toLowerCase() }),
  );
  const card = withoutEmpties({ ...briefing, attempts });
  return Object.keys(card).length === 0 ? undefined : card;
}
