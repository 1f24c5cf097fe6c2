import { access, open, readFile, readlink, realpath, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "../faults.ts";
import { type Address, isSameAddress, removeSocketFolder, SOCKET_NAME } from "./address.ts";
import { run } from "./binaries.ts";
import type { Cluster } from "./cluster.ts";

/** The main process of a PostgreSQL server, as its `postmaster.pid` tells. */
export interface Postmaster {
  readonly pid: number;
  /** The data folder that it serves, or served: after a copy of that folder it is not the one that the file lies in. */
  readonly data: string | undefined;
  /** Where it listens, unless it has not come that far yet. */
  readonly address: Address | undefined;
  /** It was told to stop: it takes no new connections any more, and may wait without end for those that are open. */
  readonly isStopping: boolean;
}

/** In the data folder. Small, as PostgreSQL is told to log nothing that Docket logs itself. */
const LOG_FILE = "server.log";
const LOG_MAX_BYTES = 1_000_000;
/** Seconds that a start may take, with recovery after a crash. */
const START_PATIENCE_S = 240;
const STOP_PATIENCE_S = 60;
const ENDING_POLL_MS = 20;
/** Above the highest process id of any Unix, so no process has it. */
const NOBODYS_PID = 2 ** 30;

/**
 * The running server of this cluster, or undefined. What a dead one left behind is cleared away.
 * @throws Error when it could not be looked, as when no more files can be opened: that says nothing about the server.
 */
export async function findPostmaster(cluster: Cluster): Promise<Postmaster | undefined> {
  const postmaster = await readPidFile(cluster);
  if (postmaster === undefined) return undefined;
  if (await runs(postmaster.pid, cluster)) return postmaster;
  await clearAfter(postmaster, cluster);
  return undefined;
}

/**
 * Whether the server of this cluster runs at the address, or is about to, and its socket is still there. Changes nothing.
 * @throws Error when it could not be looked.
 */
export async function isReachable(cluster: Cluster, address: Address): Promise<boolean> {
  const postmaster = await readPidFile(cluster);
  if (postmaster === undefined || postmaster.isStopping || !(await runs(postmaster.pid, cluster))) return false;
  if (postmaster.address === undefined) return true;
  if (!isSameAddress(postmaster.address, address)) return false;
  return process.platform === "win32" || (await unlessGone(access(join(address.host, SOCKET_NAME)))) !== GONE;
}

/**
 * Starts the server in a session of its own and waits until it takes connections.
 * @throws Error with the end of the server's log.
 */
export async function startPostmaster(cluster: Cluster, abort?: AbortSignal): Promise<Postmaster> {
  const log = join(cluster.data, LOG_FILE);
  if ((await sizeOf(log)) > LOG_MAX_BYTES) await rename(log, `${log}.1`);
  const logStart = await sizeOf(log);
  const deadline = performance.now() + START_PATIENCE_S * 1000;
  for (;;) {
    const args = ["start", "-s", "-w", "-t", String(START_PATIENCE_S), "-D", cluster.data, "-l", log];
    const { code, output } = await run(cluster.binaries.pg_ctl, args, cluster.account, cluster.data, abort);
    const postmaster = await readPidFile(cluster);
    if (code === 0 && postmaster) return postmaster;

    const tail = await textFrom(log, logStart);
    // The children of a postmaster that was killed need a moment to notice.
    if (!tail.includes("pre-existing shared memory block") || performance.now() > deadline) {
      throw new Error(`PostgreSQL could not start in ${cluster.data}:\n${[output, lastLines(tail)].join("\n").trim()}`);
    }
    await sleep(100, undefined, { signal: abort });
  }
}

/**
 * Stops the server, ending its connections, and removes its socket's folder.
 * @throws Error with the end of the server's log when it does not stop in time.
 */
export async function stopPostmaster(cluster: Cluster): Promise<void> {
  const postmaster = await findPostmaster(cluster);
  if (postmaster === undefined) return;
  let output = "";
  for (const mode of ["fast", "immediate"]) {
    const args = ["stop", "-s", "-w", "-t", String(STOP_PATIENCE_S), "-m", mode, "-D", cluster.data];
    ({ output } = await run(cluster.binaries.pg_ctl, args, cluster.account, cluster.data));
    if (await hasEnded(postmaster, cluster)) return await clearSocketFolder(postmaster, cluster);
  }
  const tail = lastLines(await textFrom(join(cluster.data, LOG_FILE), 0));
  throw new Error(`PostgreSQL in ${cluster.data} did not stop:\n${[output, tail].join("\n").trim()}`);
}

/** One that has taken its file away needs a moment more, on a busy machine a long one: that is waited for. */
async function hasEnded({ pid }: Postmaster, cluster: Cluster): Promise<boolean> {
  const deadline = performance.now() + STOP_PATIENCE_S * 1000;
  while (await runs(pid, cluster)) {
    if ((await readPidFile(cluster)) !== undefined || performance.now() > deadline) return false;
    await sleep(ENDING_POLL_MS);
  }
  return true;
}

async function readPidFile(cluster: Cluster): Promise<Postmaster | undefined> {
  const text = await unlessGone(readFile(join(cluster.data, "postmaster.pid"), "utf8"));
  if (text === GONE) return undefined;
  const [pid, data, , port, socketFolder, listening, , status] = text.split("\n");
  if (!pid) return undefined;
  const host = process.platform === "win32" ? listening : socketFolder;
  const address = host ? { host, port: Number(port) } : undefined;
  return { pid: Number(pid), data, address, isStopping: status?.trim() === "stopping" };
}

/** Whether `pid` is the server of this cluster, not merely a process that got its number since. */
async function runs(pid: number, cluster: Cluster): Promise<boolean> {
  if (process.platform === "linux") {
    // A zombie has no folder, so a dead server that nobody waited for does not count as alive.
    const folder = await unlessGone(readlink(`/proc/${pid}/cwd`));
    const name = await unlessGone(readFile(`/proc/${pid}/comm`, "utf8"));
    return name !== GONE && folder === (await realpath(cluster.data)) && name.trim() === "postgres";
  }
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform === "win32") return true;
  const { output } = await run("/bin/ps", ["-o", "command=", "-p", String(pid)], undefined, "/");
  return output.includes("postgres") && output.includes(cluster.data);
}

const GONE = Symbol("gone");
/** There is no such file or process (any more), or it is another user's. */
const SAYS_GONE = new Set(["ENOENT", "ENOTDIR", "ESRCH", "EACCES", "EPERM"]);

async function unlessGone<T>(looking: Promise<T>): Promise<T | typeof GONE> {
  try {
    return await looking;
  } catch (error) {
    if (SAYS_GONE.has(errorCode(error) ?? "")) return GONE;
    throw error;
  }
}

async function clearAfter(postmaster: Postmaster, cluster: Cluster): Promise<void> {
  await clearSocketFolder(postmaster, cluster);
  const file = join(cluster.data, "postmaster.pid");
  const rest = (await readFile(file, "utf8")).split("\n").slice(1);
  // PostgreSQL refuses to start while any process has that number. The rest of the file stays: by it PostgreSQL
  // notices children of the dead server that still write. It is written over, not emptied before: PostgreSQL refuses an
  // empty one, which a full disk would leave, and with this number, the longest of all, nothing of the old text remains.
  await using handle = await open(file, "r+");
  await handle.writeFile([NOBODYS_PID, ...rest].join("\n"));
}

async function clearSocketFolder({ address, data }: Postmaster, cluster: Cluster): Promise<void> {
  if (address && data === cluster.data) await removeSocketFolder(address);
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

async function textFrom(file: string, offset: number): Promise<string> {
  await using handle = await open(file).catch(() => undefined);
  const size = await sizeOf(file);
  if (handle === undefined || size <= offset) return "";
  const { buffer } = await handle.read(Buffer.alloc(size - offset), 0, size - offset, offset);
  return buffer.toString();
}

function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-20).join("\n");
}
