// Plain JavaScript, as docket.js is: an older Node must be able to read it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs the same command under the Node that came with this clone; where there is none, says `fault` and how to get it. */
export function runUnderItsNode(fault) {
  const node = packagedNode();
  if (node !== undefined) return runAgain(node);
  const command = existsSync(join(root, "node_modules", "node"))
    ? "npm rebuild node --ignore-scripts=false"
    : "npm install";
  console.error(`${fault} Run \`${command}\` in ${root}: it brings a newer one along.`);
  process.exitCode = 1;
}

/** The Node that was installed with this package, if it is there. */
function packagedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"));
    const node = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

/** Runs the same command under that Node; its end is our end. */
function runAgain(node) {
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], { stdio: "inherit" });
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // A terminal's Ctrl-C reaches the child by itself; twice would mean "stop at once".
    process.on(signal, () => (signal === "SIGINT" && atTerminal ? undefined : child.kill(signal)));
  }
  child.on("error", (error) => {
    console.error(`Docket could not start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
