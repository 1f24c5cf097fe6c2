import type { Command } from "commander";
import { type HeldWork, heldWork } from "./attempts.ts";
import { type Connected, type ServerOptions, withJson } from "./connect.ts";
import { projectOf } from "./projects.ts";
import type { Shell } from "./shell.ts";

/** The options of commands about a task that is held. */
export interface HeldOptions extends ServerOptions {
  readonly attempt?: string;
}

export const withHeldTask = (command: Command): Command =>
  withJson(command)
    .argument("[task]", "like TASK-046; without one the only task that you hold")
    .option("--project <name>", "its project, where the name alone is not enough")
    .option("--attempt <attempt>", "as its claim printed it; without one that which the claim kept, or DOCKET_ATTEMPT");

/** The task that such a command is about. @throws UsageFault where that is not clear */
export const heldTask = (
  shell: Shell,
  connected: Connected,
  taskId: string | undefined,
  { attempt }: HeldOptions,
): HeldWork => heldWork(shell, { server: connected.url, taskId, attempt, projectId: projectOf(connected) });

/** How an input names it. */
export const inputOf = ({ projectId, taskId, attempt }: HeldWork) => ({ projectId, taskId, attempt });
