import { hostname, userInfo } from "node:os";
import type { Command } from "commander";
import { graphql } from "../../client/gen/gql.ts";
import type { ServerOptions } from "./connect.ts";
import { listed, seconds } from "./options.ts";

export const ClaimFromShell = graphql(`
  mutation ClaimFromShell($input: ClaimNextTaskInput!) {
    claimNextTask(input: $input) {
      attempt
      task {
        ...ClaimedTask
      }
      briefing {
        ...LeftBehind
      }
      idle {
        ...WhyIdle
      }
    }
  }
`);

/** The options of commands that choose among the tasks that are ready. */
export interface ChoosingOptions extends ServerOptions {
  readonly label?: string[];
  readonly skill?: string[];
}

export const withChoice = (command: Command): Command =>
  command
    .option("--project <names>", "all, or names separated by commas")
    .option("--label <label>", "only tasks with all of these labels (repeatable)", listed)
    .option("--skill <skill>", "a skill the worker has (repeatable)", listed);

/** The options of commands that take one as well. */
export interface ClaimingOptions extends ChoosingOptions {
  readonly worker?: string;
  readonly lease?: number;
}

/** @param lease what `--lease` means, and its default in seconds */
export const withClaim = (command: Command, lease: string, usualSeconds?: number): Command =>
  withChoice(command)
    .option("--worker <name>", "who works, as others see it; user@host by default")
    .option("--lease <span>", lease, seconds, usualSeconds);

/** What an input says of who works, and for how long. */
export const claimOf = ({ skill, worker, lease }: ClaimingOptions) => ({
  skills: skill,
  worker: worker ?? usualWorker(),
  leaseSeconds: lease,
});

/** Who works, where nobody says: as a shell's prompt does. */
function usualWorker(): string {
  try {
    return `${userInfo().username}@${hostname()}`.slice(0, 100);
  } catch {
    // A container's user may have no name.
    return hostname().slice(0, 100);
  }
}
