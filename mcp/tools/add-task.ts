import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import type { ProjectNamesQuery } from "../../client/gen/graphql.ts";
import type { DataOf } from "../../client/request.ts";
import { fitItems } from "../fit.ts";
import { nearest } from "../nearest.ts";
import { leaseSeconds, statusSchema, toGraphQLStatus } from "../task-card.ts";
import { defineTool, leaseOf, projectOf, type ToolContext } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const AddTasks = graphql(`
  mutation AddTasks($input: AddTasksInput!) {
    addTasks(input: $input) {
      tasksAdded
      taskIds
      createdProjects
      attempts
      keys {
        key
        taskId
        ready
      }
      tasks {
        taskId
        projectId
        project {
          leaseSeconds
        }
      }
    }
  }
`);

const texts = z.array(z.string()).max(100).optional();

const item = z.strictObject({
  description: z.string().optional(),
  title: z.string().optional(),
  task_id: z.string().describe("Assigned unless given").optional(),
  project_id: z.string().optional(),
  status: statusSchema.default("pending"),
  priority: z.int().min(0).max(4).default(2).describe("0 is most urgent"),
  labels: texts,
  generator_name: z.string().optional(),
  inputs: texts,
  expected_outputs: texts,
  context_notes: z.string().optional(),
  due_date: z.string().optional(),
  reminder_offset: z.string().describe("Like 1 hour").optional(),
  recurrence_pattern: z.string().describe("Like weekly:MON").optional(),
  recurrence_end_date: z.string().optional(),
  artifact_id: z.string().optional(),
  artifact_type: z.string().optional(),
  generator: z.string().optional(),
  parent_id: z.string().describe("The artifact it comes from").optional(),
  key: z.string().optional(),
  parent_key: z.string().optional(),
  depends_on: z.array(z.string()).max(1_000).describe("Keys or task IDs").optional(),
});

export const addTask = defineTool({
  name: "add_task",
  title: "Add tasks",
  description:
    "Add tasks, all or none. Each needs a description or artifact_id. parent_key names the key of another item. An unknown project is created.",
  input: z.strictObject({
    tasks: z.array(item).min(1).max(1_000),
    project_id: z.string().optional(),
    lease_seconds: leaseSeconds,
  }),
  output: z.object({
    tasks_added: z.number(),
    task_ids: z.array(z.string()),
  }),
  example: { project_id: "my-project", tasks: [{ description: "Write the docs", priority: 1 }] },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run(context, args) {
    const { mutate, session, defaultProject, clientName } = context;
    const everyItemNamesOne = args.tasks.every((task) => task.project_id !== undefined);
    const project = everyItemNamesOne ? (args.project_id ?? defaultProject) : projectOf(context, args.project_id);
    const { addTasks } = await mutate(AddTasks, {
      projectId: project,
      createProject: true,
      worker: clientName,
      leaseSeconds: leaseOf(context, args),
      tasks: args.tasks.map(toGraphQLItem),
    });
    // Items added as in_progress are held by the caller that added them.
    const claimed = addTasks.tasks.flatMap(({ taskId, projectId, project }, i) => {
      const attempt = addTasks.attempts[i];
      if (attempt == null) return [];
      session?.hold({ projectId, taskId, attempt, leaseSeconds: leaseOf(context, args) ?? project.leaseSeconds });
      return [{ task_id: taskId, attempt }];
    });
    const keyed = (ready: boolean) =>
      addTasks.keys.filter((one) => one.ready === ready).map(({ key, taskId }) => [key, taskId] as const);
    const projects = [...new Set(addTasks.tasks.map(({ projectId }) => projectId))];
    const about = {
      ...(projects.length === 1 ? { project_id: projects[0] } : { project_ids: projects }),
      ...(await createdOf(context, addTasks.createdProjects)),
      tasks_added: addTasks.tasksAdded,
    };
    return answerOf(about, { claimed, ready: keyed(true), waiting: keyed(false), task_ids: addTasks.taskIds });
  },
});

interface Added {
  readonly claimed: readonly { readonly task_id: string; readonly attempt: string }[];
  /** Of a plan: each key with its task. */
  readonly ready: readonly (readonly [key: string, taskId: string])[];
  readonly waiting: readonly (readonly [key: string, taskId: string])[];
  readonly task_ids: readonly string[];
}

/** What was added, or of a thousand as much of it as an answer may be long: what is asked for next comes first. */
function answerOf<About extends object>(about: About, { claimed, ready, waiting, task_ids }: Added) {
  const counts = [claimed.length, ready.length, waiting.length, task_ids.length];
  const all = counts.reduce((sum, count) => sum + count, 0);
  const build = (shown: readonly unknown[]) => {
    let left = shown.length;
    const first = <One>(of: readonly One[]): One[] => {
      const taken = of.slice(0, left);
      left -= taken.length;
      return taken;
    };
    const cut = shown.length < all;
    return {
      ...about,
      ...withoutEmpties({
        claimed: first(claimed),
        ready: Object.fromEntries(first(ready)),
        waiting: Object.fromEntries(first(waiting)),
      }),
      task_ids: first(task_ids),
      ...(cut && { note: "All were added, but not all of them fit in here: list_tasks shows them." }),
    };
  };
  return fitItems(Array.from({ length: all }), build);
}

/** New projects that are named and compared, and pages of known names to compare them with. */
const MOST_NAMED = 3;
const MOST_PAGES = 5;

/** What to say of projects that were made, as a misspelt name makes one too. */
async function createdOf(context: ToolContext, created: readonly string[]) {
  if (created.length === 0) return { next: "get_next_task hands out the most urgent task." };
  // The tasks are added already: that the names cannot be asked for now must not look like a failure of that.
  const known = (await projectNames(context).catch(() => [])).filter((name) => !created.includes(name));
  const named = created.slice(0, MOST_NAMED);
  const more = created.length > MOST_NAMED ? ` and ${created.length - MOST_NAMED} more` : "";
  const alike = named.flatMap((name) => {
    const names = nearest(name, known);
    return names.length === 0 ? [] : [`${name} is like ${names.join(", ")}.`];
  });
  const misspelt = "If you meant one that exists, add the tasks there and tell a person of this one.";
  const advice = [...alike, alike.length === 0 ? "get_next_task hands out its tasks." : misspelt];
  return { created: true, next: `Created, as nobody had it: project ${named.join(", ")}${more}. ${advice.join(" ")}` };
}

const ProjectNames = graphql(`
  query ProjectNames($after: String) {
    projects(first: 100, after: $after) {
      nodes {
        projectId
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`);

async function projectNames({ query }: ToolContext): Promise<string[]> {
  const names: string[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const { projects }: DataOf<ProjectNamesQuery> = await query(ProjectNames, { after });
    names.push(...(projects.nodes ?? []).flatMap((project) => project?.projectId ?? []));
    after = projects.pageInfo.endCursor;
    if (!projects.pageInfo.hasNextPage) break;
  }
  return names;
}

function toGraphQLItem(task: z.output<typeof item>) {
  return {
    projectId: task.project_id,
    taskId: task.task_id,
    title: task.title,
    description: task.description,
    status: toGraphQLStatus(task.status),
    priority: task.priority,
    labels: task.labels,
    generatorName: task.generator_name,
    inputs: task.inputs,
    expectedOutputs: task.expected_outputs,
    contextNotes: task.context_notes,
    dueDate: task.due_date,
    reminderOffset: task.reminder_offset,
    recurrencePattern: task.recurrence_pattern,
    recurrenceEndDate: task.recurrence_end_date,
    artifactId: task.artifact_id,
    // Types of tasks are often written in lower case, and those of IDs in upper case.
    artifactType: task.artifact_type?.toUpperCase(),
    generator: task.generator,
    parentId: task.parent_id,
    key: task.key,
    parentKey: task.parent_key,
    dependsOn: task.depends_on,
  };
}
