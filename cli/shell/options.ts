import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { UsageFault } from "./exit.ts";
import type { Shell } from "./shell.ts";

/** Gives a command the options of its server. */
export const withServer = (command: Command): Command =>
  command
    .option("--server <url>", "the server, instead of DOCKET_URL or the one of `docket login`")
    .option("--key-file <file>", "a file that holds the API key, instead of DOCKET_API_KEY or the stored one");

/** For options that may come several times, each with one value or some separated by commas. */
export const listed = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
];

/** The same for values that may hold commas. */
export const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** For options that are whole numbers. */
export const whole =
  (least: number, most: number) =>
  (value: string): number => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most))
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return number;
  };

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** For options that are spans of time, like 90, 90s, 15m, 2h, 1d; in seconds. */
export function seconds(value: string): number {
  const [, number = "", unit = "s"] = /^(\d+)\s*(s|m|min|h|d)?$/.exec(value) ?? [];
  const length = Number(number) * (SECONDS[unit] ?? Number.NaN);
  if (number === "" || length < 1) throw new InvalidArgumentError("It must be a span like 90s, 15m, 2h or 1d.");
  return length;
}

/** For points in time: an instant, or a span that is meant to lie in the past, like 2h. */
export function instantOrSpan(value: string): string {
  if (/^-?P/.test(value)) return value;
  const [, number, unit = "s"] = /^(\d+)\s*(s|m|min|h|d)$/.exec(value) ?? [];
  if (number !== undefined)
    return unit === "d" ? `-P${number}D` : `-PT${number}${unit === "min" ? "M" : unit.toUpperCase()}`;
  const at = Date.parse(value);
  if (Number.isNaN(at))
    throw new InvalidArgumentError("It must be a span like 2h or 1d, or an instant like 2026-11-28T09:00:00Z.");
  return new Date(at).toISOString();
}

/** A JSON value of the command line. @throws UsageFault */
export function json(text: string, option: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageFault(`${option} must be JSON, and it is: ${text}`);
  }
}

/** The text of a file, or of stdin where it is called `-`. @throws UsageFault */
export async function contentOf(shell: Shell, file: string): Promise<string> {
  if (file === "-") return shell.readInput();
  try {
    return readFileSync(resolve(shell.cwd, file), "utf8");
  } catch (error) {
    throw new UsageFault(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
