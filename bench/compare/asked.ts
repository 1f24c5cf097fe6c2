import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { environmentNow } from "../environment.ts";
import { untilInterrupted } from "../interrupt.ts";
import type { Measurement } from "../measure.ts";
import { whole, wholes } from "../numbers.ts";
import { print } from "../tell.ts";
import { OPERATIONS, operationNamed } from "./operations.ts";
import { LONG, SHORT } from "./part.ts";
import { json, type Published } from "./publish.ts";
import { report } from "./report.ts";
import { type CompareOptions, compare } from "./run.ts";
import type { Row } from "./summary.ts";

/** The options of every command that compares. */
export interface Asked {
  readonly connections?: readonly number[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly short: boolean;
  readonly json?: string;
}

export const comparingCommand = (name: string) =>
  new Command(name)
    .argument(
      "[operation...]",
      `what to measure: ${OPERATIONS.map((operation) => operation.name).join(", ")}; all of it unless told`,
    )
    .option("--connections <list>", "how many at once", wholes)
    .option("--rounds <n>", "rounds of each system, by turns", whole(1))
    .option("--seconds <n>", "how long a round lasts", whole(1))
    .option("--short", "fewer and shorter rounds, with 32 connections", false)
    .option("--json <file>", "where the figures go as JSON");

interface Judging extends Pick<CompareOptions, "peers"> {
  goals(rows: readonly Row[]): Measurement[];
}

/** Measures what was asked for and prints it with its goals; one that is not met fails the process. */
export async function compareAsAsked(
  names: readonly string[],
  given: Asked,
  { goals, peers }: Judging,
): Promise<Published> {
  const usual = given.short ? SHORT : LONG;
  const { rounds = usual.pace.rounds, seconds = usual.pace.seconds } = given;
  const { rows, postgres } = await compare({
    operations: names.length > 0 ? names.map(operationNamed) : OPERATIONS,
    connections: given.connections ?? usual.connections,
    pace: { ...usual.pace, rounds, seconds },
    interrupted: untilInterrupted(),
    ...(peers && { peers }),
    print,
  });
  const judged = goals(rows);
  print(`\n${report(rows, judged)}`);
  if (!judged.every(({ ok }) => ok)) process.exitCode = 1;
  const run = { ...environmentNow(), postgres, rows };
  if (given.json !== undefined) await writeFile(given.json, json(run));
  return run;
}
