import type { Owner } from "../support/owner.ts";
import type { GraphQLAnswer, TestProject } from "../support/server.ts";

const CLAIM = `mutation ($projectId: ID!, $worker: String, $leaseSeconds: Int) {
  claimNextTask(input: {projectId: $projectId, worker: $worker, leaseSeconds: $leaseSeconds}) { attempt task { taskId } }
}`;
export const COMPLETE = `mutation ($input: UpdateTaskStatusInput!) {
  updateTaskStatus(input: $input) { attempt replayed task { projectId taskId status completionNotes } }
}`;
export const TASK = { taskId: "TASK-001" };
/** A caller without a client id. */
export const NONE = { client: null };

/** The attempt that a claim of the next task gives. */
export async function claim(server: TestProject, variables: object, asking: object): Promise<string> {
  const { claimNextTask } = await server.ask<{ claimNextTask: { attempt: string } }>(
    CLAIM,
    { projectId: server.projectId, ...variables },
    asking,
  );
  return claimNextTask.attempt;
}

export const complete = (server: TestProject, input: object, asking: object = NONE) =>
  server.gql<{ updateTaskStatus: { task: { completionNotes: string } } }>(
    COMPLETE,
    { input: { projectId: server.projectId, ...TASK, status: "COMPLETED", ...input } },
    asking,
  );

export const codeOf = ({ errors }: GraphQLAnswer<unknown>) => errors?.[0]?.extensions["code"];

/** What the database holds of the task, to be the same after a refusal. */
export async function stateOf(owner: Owner, { projectId }: TestProject) {
  const { rows } = await owner.query(
    "SELECT t.*, a.* FROM tasks t LEFT JOIN task_attempts a USING (project_id, task_id) WHERE t.project_id = $1",
    [projectId],
  );
  return rows;
}
