import { z } from "zod";
import { lowerCase } from "../client/enum-case.ts";
import { graphql } from "../client/gen/gql.ts";
import type { BriefingCardFragment, TaskCardFragment, TaskStatus } from "../client/gen/graphql.ts";
import { type Cuts, LEAST_TEXT, shortMembers } from "./fit.ts";
import { shortened } from "./text.ts";
import { withoutEmpties } from "./without-empties.ts";

/** A task as a model works on it: what matters first, and what may be long at the end. */
graphql(`
  fragment TaskCard on Task {
    task_id: taskId
    project_id: projectId
    status
    claimed_by: claimedBy
    lease_expires_at: leaseExpiresAt
    title
    priority
    due_date: dueDate
    generator_name: generatorName
    artifact_id: artifactId
    branch_name: branchName
    labels
    inputs
    expected_outputs: expectedOutputs
    description
    context_notes: contextNotes
    metadata
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
export const attemptId = z.string().describe("From get_next_task").optional();
export const leaseSeconds = z.int().min(1).max(86_400).optional();

const GRAPHQL_STATUS = { pending: "PENDING", in_progress: "IN_PROGRESS", completed: "COMPLETED" } as const;

export function toGraphQLStatus(status: z.output<typeof statusSchema>): TaskStatus {
  return GRAPHQL_STATUS[status];
}

export function fromGraphQLStatus(status: TaskStatus): z.output<typeof statusSchema> {
  return STATUSES.find((name) => GRAPHQL_STATUS[name] === status) ?? "pending";
}

/**
 * What tells a card from another. The other members, which every card has or only some, have names that explain
 * themselves: they would cost tokens in the listing of each tool.
 */
export const taskCardSchema = z.object({ task_id: z.string() });

type TaskKey = Pick<TaskCardFragment, "task_id" | "project_id" | "status">;

/** The card with the status as tools spell it and without what is empty. */
export function cardOf<Card extends TaskKey>({ task_id, project_id, status, ...rest }: Card) {
  return { task_id, project_id, status: fromGraphQLStatus(status), ...withoutEmpties(rest) };
}

/** The same with no member longer than `most`. */
export function shortCard(task: TaskKey, most: number, cuts: Cuts) {
  const { task_id, project_id, status, ...rest } = cardOf(task);
  return { task_id, project_id, status, ...shortMembers(rest, most, cuts) };
}

/** What to do with a task that was claimed. */
export const WORK =
  "Do it, then update_task_status completed with this attempt and completion_notes; renew_task_lease before lease_expires_at if it takes longer.";

/** Attempts that an answer tells of. */
const MOST_ATTEMPTS = 10;
/** Those that get_task reads on in. */
export const MOST_READ_ATTEMPTS = 100;

interface ToWorkOn {
  readonly task: TaskCardFragment;
  readonly briefing?: BriefingCardFragment | null;
  readonly most: number;
}

/** A task to work on with what earlier attempts left, no text longer than `most`; `read_on` says how to get the rest. */
export function toWorkOn({ task, briefing, most }: ToWorkOn) {
  const cuts: Cuts = { project_id: task.project_id, sentences: [] };
  const members = {
    card: shortCard(task, most, cuts),
    briefing: briefing ? briefingOf(briefing, most, cuts) : undefined,
  };
  return { ...members, read_on: cuts.sentences.length === 0 ? undefined : cuts.sentences };
}

/** The briefing without what is empty, undefined when nothing was left. */
function briefingOf({ attempts, ...rest }: BriefingCardFragment, most: number, cuts: Cuts) {
  const members = shortMembers(withoutEmpties(rest), most, cuts);
  const latest = attempts.slice(-MOST_ATTEMPTS).map((attempt) => attemptOf(attempt, most));
  if (attempts.length > MOST_ATTEMPTS || latest.some(({ cut }) => cut))
    cuts.sentences.push(
      `attempts: not all of it is here; get_task with project_id ${cuts.project_id} and field attempts has the latest ${MOST_READ_ATTEMPTS}.`,
    );
  const left = withoutEmpties({ ...members, attempts: latest.map(({ shown }) => shown) });
  return Object.keys(left).length === 0 ? undefined : left;
}

/** Notes of many attempts share the room that one other text has. */
function attemptOf({ outcome, notes, ...rest }: BriefingCardFragment["attempts"][number], most: number) {
  const short = notes === null ? null : shortened(notes, Math.max(most / 5, LEAST_TEXT));
  return {
    shown: withoutEmpties({ ...rest, outcome: outcome && lowerCase(outcome), notes: short }),
    cut: short !== notes,
  };
}
