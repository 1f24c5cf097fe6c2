import { z } from "zod";
import { ServerError } from "../../../client/faults.ts";
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

const INSTANT = "2026-01-31T12:00:00Z";
const instant = z.iso.datetime({ offset: true });
/** Null comes as an empty text. */
const isInstantOrNull = (given: string) => given === "" || instant.safeParse(given).success;

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
    parent_id: z.string().describe("null: none").optional(),
    metadata: metadata.optional(),
    deleted_at: z
      .string()
      .refine(isInstantOrNull, `must be an instant of RFC 3339, like ${INSTANT}, or null`)
      .describe(`An instant like ${INSTANT}, which takes it off now whatever it is; null brings it back. Pass it alone`)
      .optional(),
    cascade: z.boolean().describe("deleted_at for all below it too").default(false),
    project_id: z.string().optional(),
  }),
  nulls: ["parent_id", "deleted_at"],
  output: madeSchema,
  example: { id: "TASK-001", version: 1, metadata: { actual_hours: 3 } },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run({ mutate, session, ...context }, { id, version, deleted_at, cascade, project_id, parent_id, ...given }) {
    const held = session?.find(id, project_id, context.defaultProject);
    const projectId = project_id ?? held?.projectId ?? projectOf({ ...context, mutate, session }, project_id);
    const task = { projectId, taskId: id, expectedVersion: version };
    const changes = { ...given, ...(parent_id !== undefined && { parentTaskId: parent_id || null }) };
    const changed = Object.values(changes).some((value) => value !== undefined);
    if (deleted_at === undefined) {
      if (cascade) throw new CallFault("cascade goes with deleted_at only.");
      if (!changed)
        throw new CallFault("Nothing to change: pass title, description, parent_id, metadata or deleted_at.");
      const { updateTask } = await mutate(UpdateWorkItem, { ...task, ...changes });
      return workItem(updateTask.task);
    }
    if (changed)
      throw new CallFault("Pass deleted_at alone, without other changes; leave it out to change the others.");
    if (deleted_at === "") {
      const { restoreTask } = await mutate(RestoreWorkItem, { ...task, cascade }).catch(refuseVersion);
      const item = workItem(restoreTask.task);
      return item.version === version ? { ...item, note: `${item.id} was not deleted; it stays as it is.` } : item;
    }
    const { deleteTask } = await mutate(DeleteWorkItem, { ...task, cascade, attempt: held?.attempt });
    if (held) session?.drop(held.projectId, held.taskId);
    const { deleted_at: deletedAt, ...item } = deleteTask.task;
    return { ...workItem(item), deleted_at: deletedAt };
  },
});

/** What is deleted can be read by no tool, so the advice to read it again would lead nowhere. */
function refuseVersion(error: unknown): never {
  if (error instanceof ServerError && error.is("VERSION_CONFLICT"))
    throw new CallFault(
      `${error.message}. To bring it back as it is, call again with version ${error.extensions["currentVersion"]}.`,
    );
  throw error;
}
