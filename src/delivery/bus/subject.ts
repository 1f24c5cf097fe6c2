import type { LoggedEvent } from "../../log/read/event.ts";
import { SERVER_STREAM } from "../../log/write/append.ts";

const PLACEHOLDER = /\{(project|noun|action)\}/g;

/** The bus's place in the log. */
export const BUS_READER = "bus";

/**
 * The subject of an event by a pattern such as `docket.{project}.{noun}.{action}`: `task.reminder.triggered` of project
 * alpha goes to `docket.alpha.tasks.reminder-triggered`, an event of the server itself to `docket._server.…`.
 */
export function subjectOf(pattern: string, { projectId, type }: Pick<LoggedEvent, "projectId" | "type">): string {
  const [word = "", ...rest] = type.split(".");
  const filled: Readonly<Record<string, string>> = {
    project: projectId ?? SERVER_STREAM,
    noun: word.endsWith("s") ? word : `${word}s`,
    action: rest.join("-"),
  };
  return pattern.replaceAll(PLACEHOLDER, (_, name: string) => filled[name] ?? "");
}

/** Every subject of a pattern, as NATS says it: `docket.*.*.*`. */
export function wildcardOf(pattern: string): string {
  const tokens = pattern.split(".").map((token) => (token.search(PLACEHOLDER) === -1 ? token : "*"));
  return tokens.join(".");
}

/** Whether a stream's subject takes all that `wanted` stands for; in both `*` is any one token, at the end `>` any more. */
export function covers(subject: string, wanted: string): boolean {
  const tokens = subject.split(".");
  const others = wanted.split(".");
  const open = tokens.at(-1) === ">";
  if (open ? others.length < tokens.length : others.length !== tokens.length) return false;
  return tokens.every((token, i) => token === "*" || token === others[i] || (open && i === tokens.length - 1));
}
