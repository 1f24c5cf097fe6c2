import { z } from "zod";
import { graphql } from "../../../../client/gen/gql.ts";
import { itemInGraphQL, newTaskSchema } from "../given-task.ts";
import { defineRoute } from "../route.ts";
import { taskOf, taskSchema } from "../task.ts";
import { newProject, only } from "../words.ts";

export const addTask = defineRoute({
  method: "POST",
  path: "/tasks",
  summary: "Add a task",
  description: `It needs a description, or an artifact_id. ${newProject}`,
  body: newTaskSchema.extend({ project_id: z.string() }),
  answer: z.object({
    task: taskSchema,
    first_instance: taskSchema.nullable().describe("Of a recurring task; null for others."),
  }),
  document: graphql(`
    mutation RestAddTask($input: AddTasksInput!) {
      addTasks(input: $input) {
        tasks {
          ...RestTask
          instances(first: 1) {
            nodes {
              ...RestTask
            }
          }
        }
      }
    }
  `),
  codes: [
    ...(["PROJECT_NOT_FOUND", "PROJECT_ARCHIVED", "TASK_NOT_FOUND", "DEPENDENCY_CYCLE"] as const),
    ...(["ID_TAKEN", "ID_SPACE_EXHAUSTED"] as const),
  ],
  version: ({ task }) => task.version,
  async run({ body }, ask) {
    const { addTasks } = await ask({
      input: { projectId: body.project_id, createProject: true, tasks: [itemInGraphQL(body)] },
    });
    const { instances, ...task } = only(addTasks.tasks);
    const [first] = instances.nodes ?? [];
    return { task: taskOf(task), first_instance: first ? taskOf(first) : null };
  },
});
