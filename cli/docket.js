#!/usr/bin/env node
// Plain JavaScript on purpose: an older Node, which cannot read TypeScript, must still get as far as this.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import module, { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isGenerated } from "./generated.js";

const OLDEST_NODE = 24;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Holds the id of the process that generates code. */
const TURN = join(root, "client", "gen", "generating.pid");
const LONGEST_TURN_MS = 300_000;

// Keeps what was compiled for the next start, which takes a third less time then. Older Nodes cannot; and nobody else may
// write there, as they may in the folder for temporary files that is the default.
module.enableCompileCache?.(join(root, "node_modules", ".cache", "docket"));

if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) {
  if (generate()) await import("./docket.ts");
} else {
  const node = packagedNode();
  if (node === undefined) {
    const command = existsSync(join(root, "node_modules", "node"))
      ? "npm rebuild node --ignore-scripts=false"
      : "npm install";
    fail(
      `Docket needs Node ${OLDEST_NODE} or newer, and this is ${process.version}. Run \`${command}\` in ${root}: it brings a newer one along.`,
    );
  } else {
    runAgain(node);
  }
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}

/** Makes what `npm install` generates where it is missing or older than what it is made from; says whether it is there. */
function generate() {
  if (isGenerated(root)) return true;
  console.error("Generating code, once …");
  try {
    // Those of several agents start at once after an update.
    takeTurn();
    try {
      if (isGenerated(root)) return true;
      // stdout belongs to the command: `docket mcp` speaks its protocol there.
      const { status } = spawnSync(process.execPath, ["--run", "generate"], { cwd: root, stdio: ["ignore", 2, 2] });
      if (status === 0) return true;
    } finally {
      rmSync(TURN, { force: true });
    }
  } catch (error) {
    console.error(error.message);
  }
  fail(`Docket's generated code could not be made. Run \`npm install\` in ${root}, then try again.`);
  return false;
}

/** Waits until no other process generates, and is the one that does. */
function takeTurn() {
  mkdirSync(dirname(TURN), { recursive: true });
  for (;;) {
    try {
      return writeFileSync(TURN, `${process.pid}`, { flag: "wx" });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (isLeft()) rmSync(TURN, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

/** Whether the process whose turn it is has ended without a word. */
function isLeft() {
  try {
    if (Date.now() - statSync(TURN).mtimeMs > LONGEST_TURN_MS) return true;
    const pid = Number(readFileSync(TURN, "utf8"));
    // One that has just made the file has not written to it yet.
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
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
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    // A terminal's Ctrl-C reaches the child by itself; twice would mean "stop at once".
    process.on(signal, () => (signal === "SIGINT" && atTerminal ? undefined : child.kill(signal)));
  }
  child.on("error", (error) => {
    fail(`Docket could not start ${node}: ${error.message}`);
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
