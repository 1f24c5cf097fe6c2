// Plain JavaScript, as docket.js is: no code that would need what it makes.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isGenerated } from "./generated.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Holds the id of the process that generates code. */
const TURN = join(root, "client", "gen", "generating.pid");
const LONGEST_TURN_MS = 300_000;

/** Makes what `npm install` generates where it is missing or older than what it is made from; says whether it is there. */
export function generate() {
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
  console.error(`Docket's generated code could not be made. Run \`npm install\` in ${root}, then try again.`);
  process.exitCode = 1;
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
