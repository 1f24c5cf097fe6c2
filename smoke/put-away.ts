import { ServerError } from "../client/faults.ts";
import { SmokeArchive, SmokeDelete } from "./documents.ts";
import type { Ground } from "./path.ts";

/** Leaves nothing that goes on: tasks are deleted, and the project is archived where the key may. @returns what stays. */
export async function putAway({ request, projectId, added }: Ground): Promise<string> {
  try {
    for (const taskId of added)
      await request(SmokeDelete, { input: { projectId, taskId, cascade: true } }).catch((error: unknown) => {
        // One that is completed is no work any more.
        if (!(error instanceof ServerError)) throw error;
      });
    await request(SmokeArchive, { input: { projectId } });
    return `The project ${projectId} is archived.`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `The project ${projectId} stays, without work: ${why}`;
  }
}
