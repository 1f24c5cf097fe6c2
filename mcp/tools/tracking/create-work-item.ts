import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { answered, defineTool, projectOf } from "../../tool.ts";
import { itemType, madeSchema, metadata, toKind, workItem } from "../../tracking-cards.ts";

const CreateWorkItem = graphql(`
  mutation CreateWorkItem($input: AddTasksInput!) {
    addTasks(input: $input) {
      tasks {
        ...WorkItemCard
      }
    }
  }
`);

export const createWorkItem = defineTool({
  name: "create_work_item",
  title: "Create a work item",
  description:
    "Create a project, session, task or research item. parent_id is the work item above it (in add_task it is an artifact); metadata is checked by type.",
  input: z.strictObject({
    item_type: itemType,
    title: z.string().describe("At most 200 characters"),
    description: z.string().describe("The title unless given").optional(),
    parent_id: z.string().describe("The task above it, like TASK-001").optional(),
    metadata: metadata.optional(),
    project_id: z.string().optional(),
  }),
  output: madeSchema,
  example: { item_type: "task", title: "Read images", parent_id: "TASK-001", metadata: { estimated_hours: 4 } },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run(context, { item_type, title, description, parent_id, metadata, project_id }) {
    const { addTasks } = await context.mutate(CreateWorkItem, {
      projectId: projectOf(context, project_id),
      createProject: true,
      createdBy: context.clientName,
      tasks: [{ kind: toKind(item_type), title, description: description ?? title, parentTaskId: parent_id, metadata }],
    });
    return workItem(answered(addTasks.tasks[0], "a task"));
  },
});
