import { z } from "zod";
import { lowerCase } from "../../client/enum-case.ts";
import { graphql } from "../../client/gen/gql.ts";
import type { GetTaskQuery } from "../../client/gen/graphql.ts";
import { fitTexts, textOf } from "../fit.ts";
import { fromGraphQLStatus, MOST_READ_ATTEMPTS, taskCardSchema, toWorkOn } from "../task-card.ts";
import { boundary } from "../text.ts";
import { CallFault, defineTool, type ToolContext } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const GetTask = graphql(`
  query GetTask($projectId: ID, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      ...TaskCard
      completed_at: completedAt
      completion_notes: completionNotes
      attemptCount
      recurrence_pattern: recurrencePattern
      recurrence_time_zone: recurrenceTimeZone
      recurrence_end_date: recurrenceEndDate
      recurrence_paused_at: recurrencePausedAt
    }
  }
`);

const GetInstances = graphql(`
  query GetInstances($projectId: ID!, $taskId: ID!) {
    task(projectId: $projectId, taskId: $taskId) {
      instances(first: 5) {
        nodes {
          task_id: taskId
          status
          due_date: dueDate
        }
      }
    }
  }
`);

const GetAttempts = graphql(`
  query GetAttempts($projectId: ID!, $taskId: ID!, $first: Int!, $after: Int!, $checkpoints: Boolean!) {
    task(projectId: $projectId, taskId: $taskId) {
      attempts(first: $first, after: $after) {
        number
        worker
        outcome
        ended_at: endedAt
        notes
        checkpoint @include(if: $checkpoints)
      }
    }
  }
`);

const FIELDS = [
  ...(["title", "description", "context_notes", "completion_notes", "labels", "inputs", "expected_outputs"] as const),
  ...(["metadata", "checkpoint", "attempts"] as const),
] as const;

export const getTask = defineTool({
  name: "get_task",
  title: "Read a task",
  description: "See a task whoever holds it; with field that member alone, from offset on.",
  input: z.strictObject({
    task_id: z.string(),
    project_id: z.string().optional(),
    field: z.enum(FIELDS).optional(),
    offset: z.int().min(0).max(100_000_000).default(0),
  }),
  output: z.object({
    task: taskCardSchema.optional(),
    next_offset: z.number().optional(),
    text: z.string().optional(),
  }),
  example: { task_id: "TASK-001", project_id: "my-project", field: "description", offset: 5_000 },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { task_id, project_id, field, offset }) {
    if (field === undefined && offset > 0)
      throw new CallFault(
        `offset is a place within one member of the task: pass field too, one of ${FIELDS.join(", ")}.`,
      );
    const { session, defaultProject } = context;
    const held = session?.find(task_id, project_id, defaultProject);
    const projectId = project_id ?? held?.projectId ?? defaultProject;
    const { task } = await context.query(GetTask, { projectId, taskId: task_id });
    const { attemptCount: count, ...card } = task;
    const attempted = { projectId: card.project_id, taskId: card.task_id, count };
    if (field !== undefined) return partOf(card, field, await textOfField(context, attempted, card, field), offset);
    if (card.recurrence_pattern !== null) {
      const instances = await latestInstances(context, attempted);
      return fitTexts((most) => {
        const { read_on, card: shown } = toWorkOn({ task: card, most });
        return { read_on, task: shown, template: true, instances, next: TEMPLATE };
      });
    }
    const attempts = await attemptsUpTo(context, attempted, count);
    const briefing = { checkpoint: await lastCheckpoint(context, attempted), branch_name: null, attempts };
    return fitTexts((most) => {
      const { read_on, card: shown, briefing: left } = toWorkOn({ task: card, briefing, most });
      return { read_on, task: shown, ...left };
    });
  },
});

const TEMPLATE =
  "This is the template of a recurring task, which nobody claims or completes: its instances are the work, here the newest.";

async function latestInstances(context: ToolContext, { projectId, taskId }: Attempted): Promise<object[]> {
  const { task } = await context.query(GetInstances, { projectId, taskId });
  return task.instances.nodes.map(({ status, ...instance }) => ({ ...instance, status: fromGraphQLStatus(status) }));
}

type Field = (typeof FIELDS)[number];
type Card = Omit<NonNullable<GetTaskQuery["task"]>, "attemptCount">;

async function textOfField(context: ToolContext, attempted: Attempted, card: Card, field: Field): Promise<string> {
  if (field === "attempts") return textOf(await latestAttempts(context, attempted));
  const value = field === "checkpoint" ? await lastCheckpoint(context, attempted) : card[field];
  return value == null ? "" : textOf(value);
}

/** As much of the text as fits from an offset on, which moves back to the beginning of its character. */
function partOf({ task_id, project_id }: Card, field: Field, text: string, offset: number) {
  const from = boundary(text, offset);
  return fitTexts((most) => {
    const part = text.slice(from, from + boundary(text.slice(from), most));
    const next = from + part.length;
    const place = { task_id, project_id, field, offset: from, characters: text.length };
    const further = { next_offset: next, next: "get_task with this project_id, and next_offset as offset, reads on." };
    return { ...place, ...(next < text.length && further), text: part };
  });
}

/** Attempts that are read at once. */
const PAGE = 20;

interface Attempted {
  readonly projectId: string;
  readonly taskId: string;
  readonly count: number;
}

/** The attempts up to the one of this number, a page at most, oldest first; each with its checkpoint if asked for. */
async function attemptsUpTo(context: ToolContext, { projectId, taskId }: Attempted, last: number, checkpoints = false) {
  const after = Math.max(last - PAGE, 0);
  if (last === after) return [];
  const { task } = await context.query(GetAttempts, { projectId, taskId, first: last - after, after, checkpoints });
  return task.attempts;
}

/** Pages of the latest attempts, the newest first. */
async function* latestPages(context: ToolContext, attempted: Attempted, checkpoints = false) {
  const end = Math.max(attempted.count - MOST_READ_ATTEMPTS, 0);
  for (let last = attempted.count; last > end; last -= PAGE)
    yield await attemptsUpTo(context, attempted, last, checkpoints);
}

/** Every part of the text is cut from all of them, so that there must be an end to how many. */
async function latestAttempts(context: ToolContext, attempted: Attempted): Promise<object[]> {
  const pages = [];
  for await (const page of latestPages(context, attempted)) pages.unshift(page);
  return pages
    .flat()
    .map(({ outcome, ...rest }) => withoutEmpties({ ...rest, outcome: outcome && lowerCase(outcome) }));
}

/** The newest that was left by the same attempts. */
async function lastCheckpoint(context: ToolContext, attempted: Attempted): Promise<unknown> {
  for await (const page of latestPages(context, attempted, true)) {
    const left = page.findLast(({ checkpoint }) => checkpoint != null);
    if (left) return left.checkpoint;
  }
  return null;
}
