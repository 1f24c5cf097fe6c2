import { type Asked, compareAsAsked, comparingCommand } from "../compare/asked.ts";
import type { SystemName } from "../compare/compare.ts";
import type { Peer } from "../compare/rig.ts";
import { createFunctions } from "./functions.ts";
import { goals } from "./goals.ts";
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

export const peersCommand = comparingCommand("peers")
  .description("the same beside Mercurius and PostGraphile, which this command installs in bench/peers")
  .action(async (names: readonly string[], given: Asked) => {
    installPeers();
    await compareAsAsked(names, given, { goals, peers: PEERS });
  });
