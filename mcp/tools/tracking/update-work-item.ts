import { z } from "zod";
import { graphql } from "../../../client/gen/gql.ts";
import { CallFault, defineTool, projectOf } from "../../tool.ts";
import { madeSchema, metadata, workItem } from "../../tracking-cards.ts";

const UpdateWorkItem = graphql(`
  mutation UpdateWorkItem($input: UpdateTaskInput!) {
    updateTask(input: $input) {
      task {
        ...WorkItemCard
      }
    }
  }
`);

const DeleteWorkItem = graphql(`
  mutation DeleteWorkItem($input: DeleteTaskInput!) {
    deleteTask(input: $input) {
      task {
        ...WorkItemCard
        deleted_at: deletedAt
      }
    }
  }
`);

const RestoreWorkItem = graphql(`
  mutation RestoreWorkItem($input: RestoreTaskInput!) {
    restoreTask(input: $input) {
      task {
        ...WorkItemCard
      }
    }
  }
`);

export const updateWorkItem = defineTool({
  name: "update_work_item",
  title: "Change a work item",
  description:
    "Change a work item if its version is still the one you read. metadata is a patch: each key replaces one. parent_id is the work item above it. deleted_at takes it off every list, null brings it back. Its status changes by update_task_status.",
  input: z.strictObject({
    id: z.string().describe("The task's, like TASK-001"),
    version: z.int().min(1).max(2_147_483_647).describe("As you read it"),
    title: z.string().optional(),
    description: z.string().optional(),
    parent_id: z.string().optional(),
    metadata: metadata.optional(),
    deleted_at: z.string().describe("An instant, or null; alone").optional(),
    project_id: z.string().optional(),
  }),
  nulls: ["deleted_at"],
  output: madeSchema,
  example: { id: "TASK-001", version: 1, metadata: { actual_hours: 3 } },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run({ mutate, session, ...context }, { id, version, deleted_at, project_id, parent_id, ...given }) {
    const held = session?.find(id, project_id, context.defaultProject);
    const projectId = project_id ?? held?.projectId ?? projectOf({ ...context, mutate, session }, project_id);
    const task = { projectId, taskId: id, expectedVersion: version };
    const changes = { ...given, ...(parent_id !== undefined && { parentTaskId: parent_id }) };
    const changed = Object.values(changes).some((value) => value !== undefined);
    if (deleted_at === "" && !changed) {
      const { restoreTask } = await mutate(RestoreWorkItem, task);
      return workItem(restoreTask.task);
    }
    // Beside a change, null leaves it out.
    if (!deleted_at) {
      if (!changed)
        throw new CallFault("Nothing to change: pass title, description, parent_id, metadata or deleted_at.");
      const { updateTask } = await mutate(UpdateWorkItem, { ...task, ...changes });
      return workItem(updateTask.task);
    }
    if (changed) throw new CallFault("Pass deleted_at without other changes.");
    const { deleteTask } = await mutate(DeleteWorkItem, { ...task, attempt: held?.attempt });
    if (held) session?.drop(held.projectId, held.taskId);
    const { deleted_at: deletedAt, ...item } = deleteTask.task;
    return { ...workItem(item), deleted_at: deletedAt };
  },
});
