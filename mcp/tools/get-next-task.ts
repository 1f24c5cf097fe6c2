import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { fitTexts } from "../fit.ts";
import { heldBeside } from "../holding.ts";
import { leaseSeconds, statusSchema, taskCardSchema, toGraphQLStatus, toWorkOn, WORK } from "../task-card.ts";
import { workerName } from "../text.ts";
import { CallFault, defineTool, leaseOf, projectOf, type ToolContext } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

/** Why there is nothing to take. */
graphql(`
  fragment IdleCard on Idle {
    message
    pending
    held
    retry_at: retryAt
  }
`);

const ClaimNextTask = graphql(`
  mutation ClaimNextTask($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        ...TaskCard
        project {
          leaseSeconds
        }
      }
      briefing {
        ...BriefingCard
      }
      idle {
        ...IdleCard
      }
      holding {
        ...HoldingCard
      }
    }
  }
`);

const LookAtNextTask = graphql(`
  query LookAtNextTask(
    $projectId: ID
    $projects: [ID!]
    $status: TaskStatus!
    $worker: String
    $skills: [String!]
  ) {
    nextTask(
      projectId: $projectId
      projects: $projects
      status: $status
      worker: $worker
      skills: $skills
    ) {
      task {
        ...TaskCard
      }
      idle {
        ...IdleCard
      }
      holding {
        ...HoldingCard
      }
    }
  }
`);

const input = z.strictObject({
  project_id: z.string().describe("Default: the client's").optional(),
  project_ids: z.array(z.string()).max(100).optional(),
  status_filter: statusSchema.default("pending").describe("Others only look"),
  claim: z.boolean().default(true).describe("false: only look"),
  worker: z.string().describe("Your name").optional(),
  lease_seconds: leaseSeconds,
  skills: z.array(z.string()).max(50).describe("Yours").optional(),
});

const output = z.object({
  attempt: z.string().optional(),
  task: taskCardSchema.nullable(),
});

const LATER = "get_next_task again, at retry_at if there is one, or wait_for_changes until work is there.";

export const getNextTask = defineTool({
  name: "get_next_task",
  title: "Take the next task",
  description:
    "Claim the most urgent ready task. Keep `attempt`. `briefing`: earlier attempts. Without work, `message` says why.",
  input,
  output,
  example: { project_id: "my-project" },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: (context, args) => (args.claim && args.status_filter === "pending" ? claim(context, args) : look(context, args)),
});

/** The projects that a call names, else the one. */
function poolOf(context: ToolContext, { project_id, project_ids }: z.output<typeof input>) {
  if (project_ids === undefined) return { projectId: projectOf(context, project_id) };
  if (project_id !== undefined) throw new CallFault("Pass project_id or project_ids, not both.");
  return { projects: project_ids };
}

async function claim(context: ToolContext, args: z.output<typeof input>) {
  const { claimNextTask } = await context.mutate(ClaimNextTask, {
    ...poolOf(context, args),
    worker: workerName(args.worker) ?? context.clientName,
    leaseSeconds: leaseOf(context, args),
    skills: args.skills,
  });
  const { task, attempt, briefing, idle } = claimNextTask;
  const { advice, holding } = heldBeside(claimNextTask.holding);
  if (task === null || attempt === null)
    return { task: null, next: `${LATER}${advice}`, holding, ...withoutEmpties(idle ?? {}) };

  const { project, ...card } = task;
  const { task_id: taskId, project_id: projectId } = card;
  context.session?.hold({ projectId, taskId, attempt, leaseSeconds: leaseOf(context, args) ?? project.leaseSeconds });
  return fitTexts((most) => {
    const { read_on, card: shown, briefing: left } = toWorkOn({ task: card, briefing, most });
    return { attempt, next: `${WORK}${advice}`, holding, read_on, task: shown, briefing: left };
  });
}

async function look(context: ToolContext, args: z.output<typeof input>) {
  const { nextTask } = await context.query(LookAtNextTask, {
    ...poolOf(context, args),
    status: toGraphQLStatus(args.status_filter),
    worker: workerName(args.worker) ?? context.clientName,
    skills: args.skills,
  });
  const { task, idle } = nextTask;
  const { holding } = heldBeside(nextTask.holding);
  if (task === null) return { task: null, holding, ...withoutEmpties(idle ?? {}) };
  return fitTexts((most) => {
    const { read_on, card } = toWorkOn({ task, most });
    return { holding, read_on, task: card };
  });
}
