import { type FaultCode, NoAnswerError, ServerError } from "../client/faults.ts";
import { howToCall, itemsNamed } from "./call-faults.ts";
import { shortened } from "./text.ts";
import { CallFault, type Tool } from "./tool.ts";
import { inToolWords } from "./tool-words.ts";

const SAFE_TO_REPEAT = "Repeating the same call is safe: what was already done is not done twice.";

/** What a model should do after an error of this code. No advice here may lose anybody's work. */
const NEXT_STEP: Readonly<Record<string, string | undefined>> = {
  UNAUTHENTICATED:
    "The API key is missing, wrong, expired or revoked: give the MCP server a valid one in DOCKET_API_KEY or DOCKET_API_KEY_FILE, then restart it.",
  FORBIDDEN: "This API key may not do that; tell the person who runs this server, and go on with something else.",
  PROJECT_NOT_FOUND:
    "Check project_id; list_tasks with all_projects shows tasks of every project you may see. add_task, reserve_id_range and get_next_available_id create a new project.",
  PROJECT_ARCHIVED:
    "Finish and complete what you hold there, and go on in another project; tell the person you work for if it should be brought back.",
  TASK_NOT_FOUND: "Check task_id and project_id, or call list_tasks to find it.",
  NOT_FOUND: "Check its id; it may have been deleted, or lie outside what this API key may see.",
  AMBIGUOUS_TASK_ID: "Repeat the call with project_id, or with attempt from get_next_task if you hold the task.",
  INVALID_STATUS_TRANSITION:
    "Legal: pending → in_progress → completed, and in_progress → pending to give a task back. A completed task is reopened by status pending with reset: true, if its work really has to be done again. To work on a pending task, set in_progress first.",
  LEASE_LOST: "Stop working on this task, as somebody else may be doing it, and call get_next_task for another.",
  NOT_READY: "Call get_next_task for work that is ready.",
  VERSION_CONFLICT: "Read it again to see what it is now, then decide anew.",
  DEPENDENCY_CYCLE: "Leave out one of the dependencies that the message names.",
  CURSOR_EXPIRED:
    "With wait_for_changes: call it without cursor and with wait_seconds 0, then list_tasks for what is now, and go on with that cursor.",
  ID_TAKEN: "Leave that ID out to have one assigned, or reserve one with reserve_id_range.",
  RESERVATION_EXPIRED:
    "Those IDs may already be someone else's. Reserve new ones with reserve_id_range, use them instead, and confirm in time. If you only wanted to extend, confirm_reservation without extend_seconds still keeps them while nobody was given them.",
  ID_SPACE_EXHAUSTED: "Use another artifact_type.",
  IDEMPOTENCY_KEY_REUSED:
    "Repeat the call. A client that sends the header Idempotency-Key needs a new one for each call.",
  RATE_LIMITED: "Wait a little, then repeat the call.",
  DATABASE_UNAVAILABLE: `Wait some seconds, then repeat the call. ${SAFE_TO_REPEAT}`,
  INTERNAL: `${SAFE_TO_REPEAT} If it fails again, report this message to the person who runs the server.`,
  QUERY_TOO_COMPLEX: `Lower limit where the tool takes one. ${SAFE_TO_REPEAT}`,
  BAD_RESPONSE: `${SAFE_TO_REPEAT} If it goes on: check that DOCKET_URL is the address of a Docket server.`,
  // The answer tells what the tool takes instead.
  BAD_USER_INPUT: undefined,
} satisfies Readonly<Record<FaultCode, string | undefined>>;

const TAKE_OVER =
  "If that session lives, leave the task to it and call get_next_task for another; if it died, repeat the call with take_over true then.";

const ANOTHER_PARENT =
  "Give another parent_id, one that neither lies below it nor waits for it, or leave its parent as it is.";

const START_SERVER = "Start it with `npx docket start` in Docket's folder, or set DOCKET_URL to where it runs.";

/** Codes of errors that an argument may have caused which cannot be what its place takes. */
const WRONG_ARGUMENTS: readonly FaultCode[] = [
  "BAD_USER_INPUT",
  "PROJECT_NOT_FOUND",
  "TASK_NOT_FOUND",
  "NOT_FOUND",
  "RESERVATION_EXPIRED",
];

/** The longest text, in UTF-16 units: nobody reads the faults of a hundred items. */
const LONGEST_MESSAGE = 2_500;

/** The text a model gets for a failed call: what was wrong, then what to do. */
export function errorText(error: unknown, tool: Tool, args: unknown): string {
  if (error instanceof CallFault) return sentences(error.message, howToCall(tool, error.places));
  if (error instanceof NoAnswerError) return sentences(error.message, adviceWithoutAnswer(error));
  if (error instanceof ServerError) {
    const message = withoutOwnItem(serverMessage(error, args), tool);
    return sentences(shortened(message, LONGEST_MESSAGE), nextStep(error, tool), takenBy(tool, error, message));
  }
  return `The MCP server failed on this call, and its log says how. ${SAFE_TO_REPEAT} If it fails again, report it.`;
}

/** A tool that adds one task has no list of them whose item could be named. */
const withoutOwnItem = (message: string, { inputSchema }: Tool) =>
  "tasks" in (inputSchema.properties ?? {})
    ? message
    : message.replaceAll(/(^|; )tasks\[0\](?:\.|: )/g, "$1").replaceAll(/\bparent_task_id\b/g, "parent_id");

/** Where a tool sets a parent and no dependencies, the parent is what closes a circle. */
const setsParentOnly = ({ inputSchema: { properties = {} } }: Tool) =>
  "parent_id" in properties && !("tasks" in properties);

function nextStep({ code, extensions }: ServerError, tool: Tool): string | undefined {
  if (extensions["attemptMissing"] === true) return "Repeat the call and pass attempt from get_next_task.";
  const { confirmable } = extensions;
  if (Array.isArray(confirmable))
    return `Nobody was given ${confirmable.join(", ")} since: confirm_reservation with these as ids keeps them. Reserve others with reserve_id_range.`;
  if (code === "DEPENDENCY_CYCLE" && setsParentOnly(tool)) return ANOTHER_PARENT;
  return "takeOverFrom" in extensions ? TAKE_OVER : NEXT_STEP[code];
}

function takenBy(tool: Tool, error: ServerError, message: string): string | undefined {
  if (error.extensions["attemptMissing"] === true)
    return howToCall({ ...tool, example: { ...tool.example, attempt: "1-9f86d081884c" } }, [[]]);
  if (!error.is(...WRONG_ARGUMENTS)) return undefined;
  const items = itemsNamed(message, tool.inputSchema);
  return howToCall(tool, items.length > 0 ? items : [[]]);
}

function adviceWithoutAnswer({ reason }: NoAnswerError): string {
  return reason === "refused" ? START_SERVER : `${SAFE_TO_REPEAT} If it goes on: ${START_SERVER}`;
}

function serverMessage(error: ServerError, args: unknown): string {
  const message = inToolWords(withoutRemedy(error), error.extensions);
  if (!error.is("TASK_NOT_FOUND")) return message;
  const named = typeof args === "object" && args !== null && "task_id" in args;
  return named ? `Task not found: ${shortened(String(args.task_id), 60).toWellFormed()}` : message;
}

/** A tool gives advice of its own in the place of the server's. */
function withoutRemedy({ message, extensions: { remedy } }: ServerError): string {
  return typeof remedy === "string" && message.endsWith(` ${remedy}`) ? message.slice(0, -remedy.length - 1) : message;
}

function sentences(what: string, ...advice: readonly (string | undefined)[]): string {
  const [first, ...more] = advice.filter((sentence) => sentence !== undefined);
  if (first === undefined) return what;
  return [`${what}${/[.!?]$/.test(what) ? "" : "."}`, first, ...more].join(" ");
}
