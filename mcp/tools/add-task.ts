import { z } from "zod";
import { graphql } from "../../client/gen/gql.ts";
import { leaseSeconds, statusSchema, toGraphQLStatus } from "../task-card.ts";
import { defineTool, leaseOf, projectOf } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const AddTasks = graphql(`
  mutation AddTasks($input: AddTasksInput!) {
    addTasks(input: $input) {
      tasksAdded
      taskIds
      attempts
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
  artifact_id: z.string().describe("Sub-artifact form: with artifact_type, generator, parent_id").optional(),
  artifact_type: z.string().optional(),
  generator: z.string().optional(),
  parent_id: z.string().optional(),
});

export const addTask = defineTool({
  name: "add_task",
  title: "Add tasks",
  description:
    "Add 1-100 tasks, all or none. Each needs a description, or the sub-artifact form, which describes itself. An unknown project is created.",
  input: z.strictObject({
    tasks: z.array(item).min(1).max(100),
    project_id: z.string().describe("For items that name none").optional(),
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
    // Items added as in_progress are held by whoever added them.
    const claimed = addTasks.tasks.flatMap(({ taskId, projectId, project }, i) => {
      const attempt = addTasks.attempts[i];
      if (attempt == null) return [];
      session?.hold({ projectId, taskId, attempt, leaseSeconds: leaseOf(context, args) ?? project.leaseSeconds });
      return [{ task_id: taskId, attempt }];
    });
    return { tasks_added: addTasks.tasksAdded, task_ids: addTasks.taskIds, ...withoutEmpties({ claimed }) };
  },
});

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
    artifactId: task.artifact_id,
    // The seeds write types of tasks in lower case and those of IDs in upper case.
    artifactType: task.artifact_type?.toUpperCase(),
    generator: task.generator,
    parentId: task.parent_id,
  };
}
