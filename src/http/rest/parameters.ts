import { z } from "zod";
import { parseExactly, unkept } from "../../../client/exact-json.ts";
import { badInput, shown } from "../../errors.ts";
import { keptFor } from "../../kept-for.ts";
import { HttpRefusal } from "../exchange.ts";

/**
 * The parameters of an address, read by their shape. One that is empty counts as left out.
 * @throws BAD_USER_INPUT for one that is unknown, doubled, missing or wrong.
 */
export function readQuery<Shape extends z.ZodObject>(given: URLSearchParams, shape: Shape): z.output<Shape> {
  const kinds = kindsOf(shape);
  const values: Record<string, unknown> = {};
  for (const name of new Set(given.keys())) {
    const [text = "", another] = given.getAll(name);
    if (another !== undefined) throw badInput(`Parameter ${shown(name)} is given more than once: send it once.`);
    if (text !== "" || !Object.hasOwn(kinds, name)) values[name] = asKind(kinds[name], text);
  }
  return readBy(shape, values);
}

type Kind = "integer" | "boolean" | "array" | "text";

/** What each parameter is in JSON: in an address all are text. */
const kindsOf = keptFor((shape: z.ZodObject): Readonly<Record<string, Kind>> => {
  const { properties = {} } = z.toJSONSchema(shape, { io: "input" });
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]): [string, Kind] => {
      const type = typeof property === "object" ? property.type : undefined;
      return [name, type === "integer" || type === "boolean" || type === "array" ? type : "text"];
    }),
  );
});

function asKind(kind: Kind | undefined, text: string): unknown {
  if (kind === "integer" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (kind === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (kind === "array") return text.split(",");
  return text;
}

/** @throws HttpRefusal 415 unless the body is JSON, as it is in UTF-8 alone. */
export function requireJson(type: string | undefined): void {
  if (JSON_TYPE.test(type ?? "")) return;
  throw new HttpRefusal(415, "Send the body as Content-Type: application/json.");
}

const JSON_TYPE = /^ *application\/json *(?:; *charset="?utf-8"? *)?$/i;

/**
 * The JSON object that was sent, read by its shape.
 * @throws HttpRefusal 400 for what is no JSON; BAD_USER_INPUT for what does not fit.
 */
export function readJson<Shape extends z.ZodObject>(body: Buffer, shape: Shape): z.output<Shape> {
  const value = parsed(body);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badInput("The body must be a JSON object.");
  const unfit = unkept(value);
  if (unfit) throw badInput(`The body contains ${unfit}`);
  return readBy(shape, value);
}

function parsed(body: Buffer): unknown {
  if (body.length === 0) throw badInput("The body is empty: send a JSON object.");
  try {
    return parseExactly(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    // The stack ends before JSON that is nested thousands deep does.
    if (error instanceof RangeError) throw badInput("The body is nested too deep: JSON values may be 100 levels deep.");
    throw badInput("The body is not well-formed JSON in UTF-8.");
  }
}

function readBy<Shape extends z.ZodObject>(shape: Shape, values: object): z.output<Shape> {
  const { data, error } = shape.safeParse(values);
  if (error) throw badInput(faultsOf(error, shape, values));
  return data;
}

/** More faults than these are counted, not told. */
const MOST_TOLD = 5;

function faultsOf({ issues }: z.ZodError, shape: z.ZodObject, values: object): string {
  const faults = issues.flatMap((issue) => faultOf(issue, shape, values));
  const told = faults.slice(0, MOST_TOLD).join("; ");
  return faults.length > MOST_TOLD ? `${told}; and ${faults.length - MOST_TOLD} more` : told;
}

function faultOf(issue: z.core.$ZodIssue, shape: z.ZodObject, values: object): string | string[] {
  const { path } = issue;
  const place = placeOf(path);
  if (issue.code === "unrecognized_keys") {
    const takes = path.length === 0 ? `. It takes ${Object.keys(shape.shape).join(", ") || "none"}` : "";
    return issue.keys.map((key) => `Unknown parameter: ${place === "" ? "" : `${place}.`}${shown(key)}${takes}`);
  }
  const value = path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], values);
  if (value === undefined) return `Missing required parameter: ${place}`;
  // Zod says first that it is invalid.
  return `Invalid parameter ${place}: ${issue.message.replace(/^Invalid (?:input|option|string): /, "")}`;
}

/** A place within a body as people write it: `tasks[0].title`. */
const placeOf = (path: readonly PropertyKey[]) =>
  path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${shown(String(step))}`))
    .join("")
    .replace(/^\./, "");

/**
 * The version that `If-Match` asks for; undefined where any will do.
 * @throws BAD_USER_INPUT for what is no ETag of a task.
 */
export function versionAsked(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  const [, version] = /^ *"(\d{1,9})" *$/.exec(header) ?? [];
  if (version !== undefined) return Number(version);
  throw badInput('If-Match takes one ETag of the task, as it was answered with it, like "3"; or *.');
}
