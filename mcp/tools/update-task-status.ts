import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import type { UpdateTaskStatusMutation } from "../../client/gen/graphql.ts";
import { fitTexts } from "../fit.ts";
import { heldBeside } from "../holding.ts";
import {
  attemptId,
  fromGraphQLStatus,
  leaseSeconds,
  statusSchema,
  taskCardSchema,
  toGraphQLStatus,
  toWorkOn,
  WORK,
} from "../task-card.ts";
import { shortened, workerName } from "../text.ts";
import { answered, CallFault, defineTool, leaseOf, type ToolContext } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const UpdateTaskStatus = graphql(`
  mutation UpdateTaskStatus($input: UpdateTaskStatusInput!) {
    updateTaskStatus(input: $input) {
      attempt
      task {
        ...TaskCard
        completionNotes
        completedAt
        project {
          leaseSeconds
        }
      }
      briefing {
        ...BriefingCard
      }
      holding {
        ...HoldingCard
      }
    }
  }
`);

const GiveUpTask = graphql(`
  mutation GiveUpTask($input: ReleaseTaskInput!) {
    releaseTask(input: $input) {
      task {
        task_id: taskId
        project_id: projectId
        status
        completionNotes
        completedAt
      }
    }
  }
`);

type UpdateAnswer = NonNullable<UpdateTaskStatusMutation["updateTaskStatus"]>;
type UpdatedTask = NonNullable<UpdateAnswer["task"]>;

const input = z.strictObject({
  task_id: z.string(),
  status: statusSchema,
  completion_notes: z.string().describe("What was done").optional(),
  notes: z.string().describe("Same as completion_notes").optional(),
  project_id: z.string().optional(),
  attempt: attemptId,
  take_over: z.boolean().describe("in_progress: also from a dead session of yours").optional(),
  worker: z.string().optional(),
  outcome: z.enum(["released", "failed"]).optional(),
  reset: z.boolean().describe("Needed for completed → pending").optional(),
  lease_seconds: leaseSeconds,
});

export const updateTaskStatus = defineTool({
  name: "update_task_status",
  title: "Complete, give back or take a task",
  description:
    "completed: finish your task. pending: give it back; outcome failed: it cannot be done. in_progress: take this very task.",
  input,
  output: z.object({
    attempt: z.string().optional(),
    updated_task: taskCardSchema,
  }),
  example: { task_id: "TASK-001", status: "completed", completion_notes: "What was done" },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, args) {
    if (args.notes !== undefined && args.completion_notes !== undefined) {
      throw new CallFault("Pass completion_notes or notes, not both: they mean the same.");
    }
    if (args.outcome !== undefined && (args.status !== "pending" || args.reset))
      throw new CallFault("Pass outcome only with status pending, and without reset: it says how your work ended.");
    const { session, defaultProject, clientName } = context;
    // An attempt tells the project by itself.
    const held = args.attempt === undefined ? session?.find(args.task_id, args.project_id, defaultProject) : undefined;
    const claims = args.status === "in_progress";
    const said = args.completion_notes ?? args.notes;
    if (args.outcome === "failed") return giveUp(context, args, held, said);

    const { updateTaskStatus: answer } = await context.mutate(UpdateTaskStatus, {
      // Only a claim means the client's own project: there, somebody else may hold a task of the same name.
      projectId: args.project_id ?? held?.projectId ?? (claims ? defaultProject : undefined),
      taskId: args.task_id,
      status: toGraphQLStatus(args.status),
      ...(args.status === "pending" ? { notes: said } : { completionNotes: said }),
      reset: args.reset || undefined,
      takeOver: args.take_over || undefined,
      // An attempt that this session lost must not fence off its new claim.
      attempt: args.attempt ?? (claims ? undefined : held?.attempt),
      worker: claims ? (workerName(args.worker) ?? clientName) : undefined,
      leaseSeconds: claims ? leaseOf(context, args) : undefined,
    });
    const task = answered(answer.task, "a task");
    if (claims) return taken(context, task, answer, leaseOf(context, args));
    session?.drop(task.project_id, task.task_id);
    return fitTexts((most) => ({ updated_task: reported(task, most), next: "get_next_task" }));
  },
});

/** It goes back to the queue as one that failed, whatever checkpoint it has. */
async function giveUp(
  { mutate, session }: ToolContext,
  args: z.output<typeof input>,
  held: ReturnType<NonNullable<ToolContext["session"]>["find"]>,
  notes: string | undefined,
) {
  const { releaseTask } = await mutate(GiveUpTask, {
    projectId: args.project_id ?? held?.projectId,
    taskId: args.task_id,
    attempt: args.attempt ?? held?.attempt,
    outcome: "FAILED",
    notes,
  });
  const task = answered(releaseTask.task, "a task");
  session?.drop(task.project_id, task.task_id);
  return fitTexts((most) => ({ updated_task: reported(task, most), next: "get_next_task" }));
}

/** A task just claimed is worked on next, so all of it is shown. */
function taken(
  { session }: ToolContext,
  { project, completedAt: _, completionNotes: __, ...card }: UpdatedTask,
  { attempt, briefing, holding: held }: UpdateAnswer,
  lease: number | undefined,
) {
  const { advice, holding } = heldBeside(held);
  if (attempt !== null) {
    const { project_id: projectId, task_id: taskId } = card;
    session?.hold({ projectId, taskId, attempt, leaseSeconds: lease ?? project.leaseSeconds });
  }
  return fitTexts((most) => {
    const { read_on, card: shown, briefing: left } = toWorkOn({ task: card, briefing, most });
    const next = `${WORK}${advice}`;
    return { attempt: attempt ?? undefined, next, holding, read_on, updated_task: shown, briefing: left };
  });
}

type ReportedTask = Pick<UpdatedTask, "task_id" | "project_id" | "status" | "completedAt" | "completionNotes">;

function reported({ task_id, project_id, status, completedAt, completionNotes }: ReportedTask, most: number) {
  const notes = completionNotes === null ? null : shortened(completionNotes, most);
  const rest = withoutEmpties({ completed_at: completedAt, completion_notes: notes });
  return { task_id, project_id, status: fromGraphQLStatus(status), ...rest };
}
