import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { environmentNow } from "../environment.ts";
import { untilInterrupted } from "../interrupt.ts";
import { whole, wholes } from "../numbers.ts";
import { printDifferences } from "../saved-run.ts";
import { goals } from "./goals.ts";
import { OPERATIONS, operationNamed } from "./operations.ts";
import { LONG, SHORT } from "./part.ts";
import { json, publish } from "./publish.ts";
import { report } from "./report.ts";
import { compare } from "./run.ts";
import { figuresOf } from "./summary.ts";

interface Options {
  readonly connections?: readonly number[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly short: boolean;
  readonly save: boolean;
  readonly json?: string;
}

const print = (line: string) => console.log(line);

export const compareCommand = new Command("compare")
  .description("Docket beside a bare node + pg server with the same statements, and beside the statements alone")
  .argument(
    "[operation...]",
    `what to measure: ${OPERATIONS.map(({ name }) => name).join(", ")}; all of it unless told`,
  )
  .option("--connections <list>", "how many at once", wholes)
  .option("--rounds <n>", "rounds of each system, by turns", whole(1))
  .option("--seconds <n>", "how long a round lasts", whole(1))
  .option("--short", "fewer and shorter rounds, with 32 connections", false)
  .option("--json <file>", "where the figures go as JSON")
  .option("--save", "keep the figures to compare with; those of a whole run also in docs/", false)
  .action(async (names: readonly string[], given: Options) => {
    const usual = given.short ? SHORT : LONG;
    const { rounds = usual.pace.rounds, seconds = usual.pace.seconds } = given;
    const { rows, postgres } = await compare({
      operations: names.length > 0 ? names.map(operationNamed) : OPERATIONS,
      connections: given.connections ?? usual.connections,
      pace: { ...usual.pace, rounds, seconds },
      interrupted: untilInterrupted(),
      print,
    });
    const asked = goals(rows);
    print(`\n${report(rows, asked)}`);
    const run = { ...environmentNow(), postgres, rows };
    if (given.json !== undefined) await writeFile(given.json, json(run));
    await printDifferences(figuresOf(rows), given);
    const isWhole = names.length === 0 && !given.short && given.connections === undefined;
    if (given.save && isWhole) await publish(run);
    if (!asked.every(({ ok }) => ok)) process.exitCode = 1;
  });
