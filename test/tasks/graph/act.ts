import * as fc from "fast-check";
import type { Context } from "../../../src/access/viewer.ts";
import { pauseProject, resumeProject } from "../../../src/projects/pause.ts";
import { addTasks } from "../../../src/tasks/add.ts";
import { claimNextTask } from "../../../src/tasks/claim-next.ts";
import { deleteTask } from "../../../src/tasks/delete.ts";
import { addDependency } from "../../../src/tasks/dependencies/add.ts";
import { removeDependency } from "../../../src/tasks/dependencies/remove.ts";
import { idOfTask } from "../../../src/tasks/find.ts";
import { parkTask } from "../../../src/tasks/park.ts";
import { releaseTask } from "../../../src/tasks/release.ts";
import { restoreTask } from "../../../src/tasks/restore.ts";
import type { TaskKey } from "../../../src/tasks/task.ts";
import { unparkTask } from "../../../src/tasks/unpark.ts";
import { updateTask } from "../../../src/tasks/update.ts";
import { updateTaskStatus } from "../../../src/tasks/update-status.ts";

/** What may be done to a graph of tasks, and how often; `a` and `b` choose the tasks. */
const WEIGHTS = {
  depend: 6,
  independ: 1,
  move: 3,
  plan: 1,
  claimNext: 8,
  claim: 3,
  complete: 6,
  fail: 4,
  release: 1,
  handOver: 1,
  reset: 2,
  delete: 1,
  restore: 1,
  park: 1,
  unpark: 1,
  pause: 1,
  resume: 2,
} as const;
type What = keyof typeof WEIGHTS;

export interface Action {
  readonly what: What;
  readonly a: number;
  readonly b: number;
}

const number = fc.nat({ max: 999 });
const doing = ([what, weight]: [string, number]) => ({
  weight,
  arbitrary: fc.record({ what: fc.constant(what as What), a: number, b: number }),
});
export const anyAction: fc.Arbitrary<Action> = fc.oneof(...Object.entries(WEIGHTS).map(doing));

/** Tasks lie in them by turns, and wait for those of both. */
export type Projects = readonly [string, string];
export const keyOf = (projects: Projects, n: number): TaskKey => ({
  projectId: projects[n % 2 === 0 ? 0 : 1],
  taskId: `TASK-${String(n).padStart(3, "0")}`,
});

/** Claims the next of its project: no open child keeps a task from a claim that asks for it by name. */
const NEXT_WORKER = "next";
const NAMING_WORKER = "naming";

/** Refusals: what they refuse leaves the graph as it was. */
/** By the code of a refusal, or that of the trigger which refused before a verb could. */
const REFUSED = new Set([
  "BAD_USER_INPUT",
  "DEPENDENCY_CYCLE",
  "NOT_READY",
  "INVALID_STATUS_TRANSITION",
  "TASK_NOT_FOUND",
  "LEASE_LOST",
  "DK002",
  "DK003",
]);

interface Held extends TaskKey {
  readonly attempt: string;
}

/** Does actions one after the other to so many tasks, with what it claims on the way. @throws what is no refusal */
export async function act(ctx: Context, projects: Projects, count: number, actions: readonly Action[]): Promise<void> {
  const held: Held[] = [];
  const take = (taken: (TaskKey & { attempt: number | null; secret?: string | undefined }) | null) => {
    if (taken?.secret)
      held.push({ projectId: taken.projectId, taskId: taken.taskId, attempt: `${taken.attempt}-${taken.secret}` });
  };
  for (const { what, a, b } of actions) {
    const [n, m] = [(a % count) + 1, (b % count) + 1];
    const of = keyOf(projects, n);
    const { projectId } = of;
    const other = keyOf(projects, m);
    // A parent is of the same project.
    const near = keyOf(projects, n % 2 === m % 2 ? m : m === 1 ? 2 : m - 1).taskId;
    const ending = async (end: (mine: Held) => Promise<unknown>) => {
      const [mine] = held.splice(a % (held.length || 1), 1);
      if (mine) await end(mine);
    };
    const work: Record<What, () => Promise<unknown>> = {
      depend: () => addDependency(ctx, { ...of, dependsOn: other }),
      independ: () => removeDependency(ctx, { ...of, dependsOn: other }),
      move: () => updateTask(ctx, { ...of, parentTaskId: b % 4 === 0 ? null : near }),
      plan: () =>
        addTasks(ctx, {
          projectId,
          tasks: [
            { key: "part", description: "part", parentTaskId: of.taskId, dependsOn: a > b ? ["step"] : [] },
            { key: "step", description: "step", dependsOn: [idOfTask(other)] },
            { key: "end", description: "end", dependsOn: ["part", "step"] },
          ],
        }),
      claimNext: async () =>
        take(
          (
            await claimNextTask(ctx, {
              projects: b % 2 === 0 ? projects : [projectId],
              worker: NEXT_WORKER,
              leaseSeconds: 60,
            })
          ).taken,
        ),
      claim: async () =>
        take(await updateTaskStatus(ctx, { ...of, status: "in_progress", worker: NAMING_WORKER, leaseSeconds: 60 })),
      complete: () => ending((mine) => updateTaskStatus(ctx, { ...mine, status: "completed" })),
      fail: () => ending((mine) => releaseTask(ctx, { ...mine, outcome: "failed" })),
      release: () => ending((mine) => releaseTask(ctx, mine)),
      handOver: () => ending((mine) => releaseTask(ctx, { ...mine, checkpoint: { at: b } })),
      reset: () => updateTaskStatus(ctx, { ...of, status: "pending", reset: true }),
      delete: () => deleteTask(ctx, { ...of, cascade: b % 2 === 0 }),
      restore: () => restoreTask(ctx, { ...of, cascade: b % 2 === 0 }),
      park: () => parkTask(ctx, { ...of, reason: `because of ${b}` }),
      unpark: () => unparkTask(ctx, of),
      pause: () => pauseProject(ctx, { projectId }),
      resume: () => resumeProject(ctx, { projectId }),
    };
    try {
      await work[what]();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && REFUSED.has(String(error.code)))) throw error;
    }
  }
}
