#!/usr/bin/env node
// Plain JavaScript on purpose: an older Node, which cannot read TypeScript, must still get as far as this.
import { existsSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 24;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** A clone runs its sources, which the package that is made of it leaves out. */
const isClone = existsSync(join(root, "cli", "docket.ts"));

// Keeps what was compiled for the next start, which takes a third less time then. Older Nodes cannot; and nobody else may
// write there, as they may in the folder for temporary files that is the default.
module.enableCompileCache?.(join(root, "node_modules", ".cache", "docket"));

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  const fault = `Docket needs Node ${OLDEST_NODE} or newer, and this is ${process.version}.`;
  if (isClone) (await import("./older-node.js")).runUnderItsNode(fault);
  else {
    console.error(`${fault} Install a newer one, from https://nodejs.org for example, then try again.`);
    process.exitCode = 1;
  }
} else if (!isClone) {
  // A stack trace then names the sources that the package was made of.
  process.setSourceMapsEnabled(true);
  await import("../dist/docket.js");
} else if ((await import("./generate.js")).generate()) {
  await import("./docket.ts");
}
