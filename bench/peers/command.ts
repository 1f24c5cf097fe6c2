import { Command } from "commander";
import type { SystemName } from "../compare/compare.ts";
import { OPERATIONS, operationNamed } from "../compare/operations.ts";
import { LONG, SHORT } from "../compare/part.ts";
import { table } from "../compare/report.ts";
import type { Peer } from "../compare/rig.ts";
import { compare } from "../compare/run.ts";
import { untilInterrupted } from "../interrupt.ts";
import { wholes } from "../numbers.ts";
import { createFunctions } from "./functions.ts";
import { installPeers } from "./install.ts";
import { ANSWERED } from "./questions.ts";

const PEERS = new Map<SystemName, Peer>([
  ["mercurius", { script: new URL("./mercurius.js", import.meta.url), target: (port) => ({ kind: "graphql", port }) }],
  [
    "postgraphile",
    {
      script: new URL("./postgraphile.js", import.meta.url),
      target: (port) => ({ kind: "postgraphile", port }),
      answers: ANSWERED,
      prepare: createFunctions,
    },
  ],
]);

const print = (line: string) => console.log(line);

export const peersCommand = new Command("peers")
  .description("the same beside Mercurius and PostGraphile, which this command installs in bench/peers")
  .argument("[operation...]", "as compare takes them")
  .option("--connections <list>", "how many at once", wholes)
  .option("--short", "fewer and shorter rounds, with 32 connections", false)
  .action(async (names: readonly string[], given: { connections?: readonly number[]; short: boolean }) => {
    installPeers();
    const usual = given.short ? SHORT : LONG;
    const { rows } = await compare({
      operations: names.length > 0 ? names.map(operationNamed) : OPERATIONS,
      connections: given.connections ?? usual.connections,
      pace: usual.pace,
      interrupted: untilInterrupted(),
      peers: PEERS,
      print,
    });
    print(`\n${table(rows)}`);
  });
