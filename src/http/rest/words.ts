import { z } from "zod";

/** Words that several routes have in common. */
export const projectId = z.string().describe("The project's slug, like web-shop.");
export const whichTask = z
  .string()
  .optional()
  .describe("The task's project. It may be left out where only one project that the key sees has such a task.");
export const artifactType = z.string().describe("The prefix, like US.");
export const attempt = z.string().nullish();
export const newProject = "A project that nobody has yet is created, if the key may.";

interface OfTask {
  readonly path: Readonly<Record<string, string>>;
  readonly query: { readonly project?: string | undefined };
}

/** The task that a path names, under the names of GraphQL. */
export const taskIn = ({ path, query }: OfTask) => ({ projectId: query.project, taskId: path["task_id"] ?? "" });

/** The one that an answer of one has. */
export function only<One>([one]: readonly One[]): One {
  if (one === undefined) throw new Error("A task that was added is not in the answer");
  return one;
}
