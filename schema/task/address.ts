import type { InputBuilder } from "../builder.ts";

const PROJECT =
  "May be left out for the task of that id that the caller holds, by its attempt or client id, and where the key sees only one project. AMBIGUOUS_TASK_ID names the projects to choose from.";
const ATTEMPT =
  "The attempt you hold, exactly as the claim returned it. Without it, only the key and the client id (header Docket-Client-Id) that claimed the task may write it.";
export const VERSION = "Refuse if the task's version is another one.";

/** Names the task that is meant, and shows that the caller holds it. */
export const address = (t: InputBuilder, attempt = ATTEMPT) => ({
  projectId: t.id({ description: PROJECT }),
  taskId: t.id({ required: true, description: "Like TASK-046." }),
  attempt: t.id({ description: attempt }),
});
