import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { batchItemSchema, itemInGraphQL } from "../given-task.ts";
import { defineRoute } from "../route.ts";
import { newProject } from "../words.ts";

export const addBatch = defineRoute({
  method: "POST",
  path: "/tasks/batch",
  summary: "Add 1 to 1,000 tasks, all or none",
  description: `Each item needs a description, or an artifact_id, and a project_id unless the batch names one. ${newProject}`,
  body: z.strictObject({
    tasks: z.array(batchItemSchema).min(1).max(1_000),
    project_id: z.string().nullish().describe("For items that name none."),
  }),
  answer: z.object({ tasks_added: z.int(), task_ids: z.array(z.string()) }),
  document: graphql(`
    mutation RestAddBatch($input: AddTasksInput!) {
      addTasks(input: $input) {
        tasksAdded
        taskIds
      }
    }
  `),
  codes: [
    ...(["PROJECT_NOT_FOUND", "PROJECT_ARCHIVED", "TASK_NOT_FOUND", "DEPENDENCY_CYCLE"] as const),
    ...(["ID_TAKEN", "ID_SPACE_EXHAUSTED"] as const),
  ],
  async run({ body }, ask) {
    const { addTasks } = await ask({
      input: { projectId: body.project_id, createProject: true, tasks: body.tasks.map(itemInGraphQL) },
    });
    return { tasks_added: addTasks.tasksAdded, task_ids: addTasks.taskIds };
  },
});
