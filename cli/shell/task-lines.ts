import { graphql } from "../../client/gen/gql.ts";
import type {
  ClaimedTaskFragment,
  LeftBehindFragment,
  LinkedTaskFragment,
  WhyIdleFragment,
} from "../../client/gen/graphql.ts";
import type { Shell } from "./shell.ts";
import { facts } from "./table.ts";
import { fromNow, inWords, paint, plain, plainLines, wrap } from "./text.ts";

/** A task as its worker needs it. */
graphql(`
  fragment ClaimedTask on Task {
    projectId
    taskId
    title
    description
    status
    kind
    priority
    labels
    skills
    inputs
    expectedOutputs
    contextNotes
    branchName
    dueDate
    claimedBy
    leaseExpiresAt
    generatorName
    artifactId
    parentTaskId
    metadata
    version
  }
`);

/** A task that is named beside another. */
graphql(`
  fragment LinkedTask on Task {
    projectId
    taskId
    title
    description
    status
  }
`);

/** What earlier attempts left for the next one. */
graphql(`
  fragment LeftBehind on Briefing {
    checkpoint
    branchName
    attempts {
      number
      worker
      outcome
      notes
      endedAt
    }
  }
`);

graphql(`
  fragment WhyIdle on Idle {
    message
    retryAt
    pending
    held
    reasons {
      reason
      count
    }
  }
`);

export const titleOf = ({ title, description }: { readonly title: string | null; readonly description: string }) =>
  plain(title ?? description.split("\n")[0] ?? "");

type Named = Pick<LinkedTaskFragment, "projectId" | "taskId">;

/** What a task is called beside another: with its project where that is another one. */
export const nameBeside = (task: Named, { projectId, taskId }: Named) =>
  projectId === task.projectId ? taskId : `${projectId}/${taskId}`;

/** @param more facts about it beside those that its worker needs */
export function taskForPeople(shell: Shell, task: ClaimedTaskFragment, more: Parameters<typeof facts>[1] = []): string {
  const head = `${paint(shell, "bold", `${task.projectId}/${task.taskId}`)}  ${titleOf(task)}`;
  const body = plainLines(task.description);
  const text = body === titleOf(task) ? "" : `\n${indented(shell, body)}\n`;
  const notes = task.contextNotes ? `\n${indented(shell, plainLines(task.contextNotes))}\n` : "";
  const list = (values: readonly string[]) => values.map(plain).join(", ");
  const told = facts(shell, [
    ["status", inWords(task.status)],
    ["kind", task.kind === "TASK" ? undefined : inWords(task.kind)],
    ["priority", task.priority],
    ["labels", list(task.labels)],
    ["skills", list(task.skills)],
    ["inputs", list(task.inputs)],
    ["outputs", list(task.expectedOutputs)],
    ["artifact", task.artifactId],
    ["parent", task.parentTaskId],
    ["branch", task.branchName && plain(task.branchName)],
    ["due", task.dueDate && `${task.dueDate} (${fromNow(shell, task.dueDate)})`],
    ["worker", task.claimedBy && plain(task.claimedBy)],
    ["lease ends", task.leaseExpiresAt && fromNow(shell, task.leaseExpiresAt)],
    ...more,
  ]);
  return `${head}\n${text}${notes}\n${told}`;
}

const indented = ({ columns }: Shell, text: string): string =>
  wrap(text, Math.min(columns, 100) - 2)
    .map((line) => (line === "" ? "" : `  ${line}`))
    .join("\n");

/** What the earlier attempts left, empty where there were none. */
export function briefingForPeople(shell: Shell, briefing: LeftBehindFragment | null): string {
  if (briefing === null || briefing.attempts.length === 0) return "";
  const lines = briefing.attempts.map(({ number, worker, outcome, notes }) => {
    const said = notes ? `: ${plain(notes)}` : "";
    return `  ${number}. ${worker ? plain(worker) : "someone"} ${outcome ? inWords(outcome) : "went on"}${said}`;
  });
  const checkpoint = briefing.checkpoint ? `  checkpoint ${JSON.stringify(briefing.checkpoint)}\n` : "";
  return `\n${paint(shell, "bold", "Earlier attempts")}\n${lines.join("\n")}\n${checkpoint}`;
}

/** Why there is nothing to claim. */
export function idleForPeople(shell: Shell, idle: WhyIdleFragment | null): string {
  if (idle === null) return "Nothing to do.";
  const retry = idle.retryAt ? ` More is ready ${fromNow(shell, idle.retryAt)}.` : "";
  return `${idle.message}${retry}`;
}
