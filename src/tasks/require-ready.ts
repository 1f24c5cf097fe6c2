import type { Context } from "../access/viewer.ts";
import { notReady } from "../projects/not-ready.ts";
import { type Claimer, explainReady, type ReadyReason } from "./reasons.ts";
import type { TaskKey } from "./task.ts";

/** What does not keep a caller from a task that it asked for by name; who holds it, and whether its project is archived, is judged elsewhere. */
const NOT_REFUSED: ReadonlySet<ReadyReason> = new Set([
  "kind_not_asked",
  "has_open_children",
  "held",
  "project_archived",
]);

/** That a task may be claimed by its status. @throws NOT_READY with the reasons. */
export async function requireReady({ db, viewer }: Context, task: TaskKey, claimer: Claimer): Promise<void> {
  const [explained = []] = await explainReady(db, [task], viewer, claimer);
  const reasons = explained.filter(({ reason }) => !NOT_REFUSED.has(reason));
  if (reasons.length === 0) return;
  throw notReady(
    task.taskId,
    reasons.map(({ reason, ...rest }) => ({ ...rest, reason: reason.toUpperCase() })),
  );
}
