import { Command } from "commander";
import { whole, wholes } from "../numbers.ts";
import { type Comparison, compareOperation } from "./compare.ts";
import { OPERATIONS, operationNamed } from "./operations.ts";
import { table } from "./report.ts";
import { startRig } from "./rig.ts";

interface CompareOptions {
  readonly connections?: readonly number[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly short?: boolean;
}

export const compareCommand = new Command("compare")
  .description("Docket beside a bare node + pg server with the same statements, and beside the statements alone")
  .argument(
    "[operation...]",
    `what to measure: ${OPERATIONS.map(({ name }) => name).join(", ")}; all of it unless told`,
  )
  .option("--connections <list>", "how many at once", wholes)
  .option("--rounds <n>", "rounds of each system, by turns", whole(1))
  .option("--seconds <n>", "how long a round lasts", whole(1))
  .option("--short", "fewer and shorter rounds, with 32 connections")
  .action(async (names: readonly string[], given: CompareOptions) => {
    const pace = given.short
      ? { rounds: given.rounds ?? 3, seconds: given.seconds ?? 0.5, warmSeconds: 0.2 }
      : { rounds: given.rounds ?? 5, seconds: given.seconds ?? 2, warmSeconds: 0.5 };
    const connections = given.connections ?? (given.short ? [32] : [1, 32, 100]);
    const operations = names.length > 0 ? names.map(operationNamed) : OPERATIONS;
    await using rig = await startRig(process.env["DATABASE_URL"]);
    const comparisons: Comparison[] = [];
    for (const operation of operations)
      for (const count of connections) {
        process.stderr.write(`${operation.name}, ${count} connections …\n`);
        comparisons.push(await compareOperation(rig, operation, count, pace));
      }
    console.log(table(comparisons));
  });
