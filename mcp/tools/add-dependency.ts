import { z } from "zod";
import { upperCase } from "../../client/enum-case.ts";
import { graphql } from "../../client/gen/gql.ts";
import { defineTool, projectOf } from "../tool.ts";
import { withoutEmpties } from "../without-empties.ts";

const AddDependency = graphql(`
  mutation AddDependency($input: AddDependencyInput!) {
    addDependency(input: $input) {
      added
      dependsOn {
        projectId
        taskId
        status
      }
      task {
        taskId
        projectId
        status
        ready
      }
    }
  }
`);

const NOT_NEW = "It was so already.";

export const addDependency = defineTool({
  name: "add_dependency",
  title: "Let a task wait",
  description: "task_id is given to nobody until depends_on is completed. Other kinds only link.",
  input: z.strictObject({
    task_id: z.string(),
    depends_on: z.string(),
    kind: z.enum(["blocks", "relates_to", "discovered_from", "duplicates"]).default("blocks"),
    project_id: z.string().optional(),
    depends_on_project_id: z.string().optional(),
  }),
  output: z.object({ ready: z.boolean() }),
  example: { task_id: "TASK-046", depends_on: "TASK-045" },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async run(context, { task_id, depends_on, kind, project_id, depends_on_project_id }) {
    const { addDependency: answer } = await context.mutate(AddDependency, {
      projectId: projectOf(context, project_id),
      taskId: task_id,
      dependsOn: { projectId: depends_on_project_id, taskId: depends_on },
      kind: upperCase(kind),
    });
    const { task, dependsOn, added } = answer;
    const isHeld = task.status === "IN_PROGRESS" && kind === "blocks" && dependsOn.status !== "COMPLETED";
    return {
      task_id: task.taskId,
      project_id: task.projectId,
      depends_on: dependsOn.taskId,
      depends_on_project_id: dependsOn.projectId,
      kind,
      ready: task.ready,
      ...withoutEmpties({
        note: added ? undefined : NOT_NEW,
        next: isHeld
          ? `Somebody is at work on ${task.taskId} and keeps it; it waits once it is given back.`
          : undefined,
      }),
    };
  },
});
