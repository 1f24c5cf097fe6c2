import type { z } from "zod";
import { unkept } from "../client/exact-json.ts";
import { ServerError } from "../client/faults.ts";
import type { TypedDocumentString } from "../client/gen/graphql.ts";
import type { DataOf } from "../client/request.ts";
import { describeFaults } from "./call-faults.ts";
import { asListed, type ListedSchema, type ObjectSchema, type Path, schemaOf } from "./schema.ts";
import type { LeaseSession } from "./session.ts";
import { shortened } from "./text.ts";
import { understand } from "./understand.ts";

/** What a tool may use. Nothing of it belongs to a protocol library, so tools can be served by any. */
export interface ToolContext {
  /** Asks; changes nothing. `waitMs`: how long the document itself asks the server to wait. */
  readonly query: <Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
    waitMs?: number,
  ) => Promise<DataOf<Result>>;
  /** Changes something, under an idempotency key made here: repeating after a lost answer does nothing twice. */
  readonly mutate: <Result, Input extends { idempotencyKey?: string | null | undefined }>(
    document: TypedDocumentString<Result, { input: Input }>,
    input: Input,
  ) => Promise<DataOf<Result>>;
  /** The project used where a call names none. */
  readonly defaultProject: string | undefined;
  /** What this process holds; absent where every request stands alone. */
  readonly session: LeaseSession | undefined;
  /** A name for the worker when a call gives none: the connected client's. */
  readonly clientName: string | undefined;
}

/** Hints for the client about what a tool does; `openWorldHint` is false for all, as they touch Docket only. */
interface ToolHints {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: false;
}

interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolHints;
  /** Arguments that would do, for a caller that gave others. */
  readonly example: z.input<Input>;
  /** Arguments of which null says something: `run` gets an empty text for it. */
  readonly nulls?: readonly (keyof z.input<Input> & string)[];
  /** Throws a CallFault, ServerError or NoAnswerError; each is turned into text for the model. */
  readonly run: (context: ToolContext, args: z.output<Input>) => Promise<z.input<Output>>;
}

type JsonObject = Record<string, unknown>;

/**
 * Without what the protocol takes for granted: that a tool changes something, and is not idempotent. Of one that only
 * reads, nothing else says anything.
 */
interface ListedHints {
  readonly readOnlyHint?: true;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: true;
  readonly openWorldHint: false;
}

/** What a client is told of a tool. */
export interface ListedTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ListedSchema;
  readonly outputSchema: ObjectSchema;
  readonly annotations: ListedHints;
}

/** A tool ready to be listed and called, whatever its types were. */
export interface Tool extends ListedTool {
  /** By this its arguments are read, null where it says something apart. */
  readonly inputSchema: ObjectSchema;
  readonly nulls: readonly string[];
  readonly example: object;
  /** Understands and checks the arguments, and runs. Throws a CallFault when they do not fit. */
  readonly call: (context: ToolContext, args: unknown) => Promise<JsonObject>;
}

/** The call itself was wrong; the message tells the model what to change, and what the tool takes is told with it. */
export class CallFault extends Error {
  override readonly name = "CallFault";
  /** Where the faults are. */
  readonly places: readonly Path[];

  constructor(message: string, places: readonly Path[] = [[]]) {
    super(message);
    this.places = places;
  }
}

/** In UTF-16 units; answers leave room for it. */
const LONGEST_NOTE = 500;

/** A tool as it is listed. */
export const listed = ({ call: _, example: __, nulls, ...definition }: Tool): ListedTool => ({
  ...definition,
  inputSchema: asListed(definition.inputSchema, nulls),
});

/** Closes a definition over its own types: arguments are understood and checked before `run` sees them. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { name, title, description, input, output, annotations, example, nulls = [], run } = definition;
  const inputSchema = schemaOf(input);
  return {
    name,
    title,
    description,
    annotations: listedHints(annotations),
    inputSchema,
    outputSchema: schemaOf(output),
    example,
    nulls,
    async call(context, args = {}) {
      const { value, notes } = understand(inputSchema, args, nulls);
      if (isTooDeep(value)) throw new CallFault(`The arguments of ${name} are nested more than 100 levels deep`);
      const unfit = unkept(value);
      if (unfit) throw new CallFault(`The arguments of ${name} contain ${unfit}`);
      const { data, error } = input.safeParse(value);
      if (error) {
        const { told, places } = describeFaults(inputSchema, value, error);
        throw new CallFault(`Invalid arguments for ${name}: ${told}.`, places);
      }
      const result = await run(context, data);
      if (notes.length === 0) return result;
      const own = "note" in result && typeof result["note"] === "string" ? ` ${result["note"]}` : "";
      return { ...result, note: `${shortened(notes.join(" "), LONGEST_NOTE)}${own}` };
    },
  };
}

const listedHints = ({ readOnlyHint, destructiveHint, idempotentHint, openWorldHint }: ToolHints): ListedHints =>
  readOnlyHint
    ? { readOnlyHint, openWorldHint }
    : { destructiveHint, ...(idempotentHint && { idempotentHint }), openWorldHint };

/** Far more than Docket stores, which says itself where it was passed, and far less than the stack bears. */
const DEEPEST = 200;

function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) return true;
    level = level.filter((part) => typeof part === "object" && part !== null).flatMap((part) => Object.values(part));
  }
  return false;
}

/**
 * The project of a call: the one it names, else the client's default. Throws a CallFault naming what to pass.
 */
export function projectOf(context: ToolContext, given: string | undefined): string {
  const project = given ?? context.defaultProject;
  if (project !== undefined) return project;
  throw new CallFault(
    "No project: pass project_id (a slug such as my-project), or set DOCKET_PROJECT where this MCP server is configured. list_tasks without project_id shows tasks of all projects.",
  );
}

/** The lease to claim with, in seconds: the call's, else the session's; undefined for the project's. */
export function leaseOf({ session }: ToolContext, { lease_seconds }: { readonly lease_seconds?: number | undefined }) {
  return lease_seconds ?? session?.leaseSeconds;
}

interface Within {
  readonly project_id?: string | undefined;
  readonly project_ids?: string[] | undefined;
  readonly all_projects?: boolean | undefined;
}

/** The projects that a call is limited to: those it names, else the client's default; undefined for all of them. */
export function projectsWithin(
  defaultProject: string | undefined,
  { project_id, project_ids, all_projects }: Within,
): string[] | undefined {
  const [one, another] = Object.entries({ project_id, project_ids, all_projects: all_projects || undefined })
    .filter(([, given]) => given !== undefined)
    .map(([name]) => name);
  if (another !== undefined) throw new CallFault(`Pass ${one} or ${another}, not both.`);
  if (project_ids?.length === 0) throw new CallFault("project_ids names no project: leave it out, or pass some.");
  if (project_ids !== undefined) return project_ids;
  const project = project_id ?? (all_projects ? undefined : defaultProject);
  return project === undefined ? undefined : [project];
}

/** A member that a successful answer always has. Throws a ServerError, so that nothing passes for an empty success. */
export function answered<Value>(value: Value | null | undefined, what: string): Value {
  if (value == null) throw new ServerError("BAD_RESPONSE", `Docket answered without ${what}`);
  return value;
}
