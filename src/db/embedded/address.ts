import { once } from "node:events";
import { lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { errorCode, hasNoRoom } from "../faults.ts";
import { canReach } from "./account.ts";
import { type Cluster, giveTo } from "./cluster.ts";

/** Where a server listens: on Unix the host is the folder of its socket, as usual in URLs, on Windows it is this machine. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Longest path of a Unix socket on Linux, in bytes; macOS allows 103. */
const SOCKET_PATH_MAX = process.platform === "darwin" ? 103 : 107;
const SOCKET_FOLDER_PREFIX = "docket-";
const SOCKET_PORT = 5432;
export const SOCKET_NAME = `.s.PGSQL.${SOCKET_PORT}`;
/** In the data folder: the address of the last start. */
const ADDRESS_FILE = "docket-address.json";

/**
 * An address for a server that is about to start. It is the last one where that is free: processes that use the server
 * find it there again. On Unix its folder is made, private and short enough for a socket's path.
 * @param wanted no other will do.
 * @throws Error when that is taken.
 */
export async function takeAddress(cluster: Cluster, wanted?: Address): Promise<Address> {
  const last = wanted ?? (await lastAddress(cluster));
  if (last && (await takeAgain(last, cluster))) return last;
  if (wanted) throw new Error(`The address of PostgreSQL's socket is taken, ${wanted.host}.`);
  const address =
    process.platform === "win32"
      ? { host: "127.0.0.1", port: await listenOnce(0) }
      : { host: await makeSocketFolder(cluster), port: SOCKET_PORT };
  try {
    const file = join(cluster.data, ADDRESS_FILE);
    // In one step: on a full disk half a file would lose the address.
    await writeFile(`${file}.new`, JSON.stringify({ ...address, data: cluster.data }));
    await rename(`${file}.new`, file);
  } catch (error) {
    if (process.platform !== "win32") await removeSocketFolder(address);
    throw error;
  }
  return address;
}

export const isSameAddress = (one: Address, other: Address) => one.host === other.host && one.port === other.port;

/** Removes the folder of a dead server's socket. */
export async function removeSocketFolder({ host }: Address): Promise<void> {
  // A pid file could name any folder: remove only what we made.
  if (basename(host).startsWith(SOCKET_FOLDER_PREFIX)) await rm(host, { recursive: true, force: true });
}

async function lastAddress(cluster: Cluster): Promise<Address | undefined> {
  try {
    const { data, host, port } = JSON.parse(await readFile(join(cluster.data, ADDRESS_FILE), "utf8"));
    // A copy of the folder must not take the address of the original.
    return data === cluster.data && typeof host === "string" && Number.isInteger(port) ? { host, port } : undefined;
  } catch {
    return undefined;
  }
}

async function takeAgain({ host, port }: Address, cluster: Cluster): Promise<boolean> {
  if (process.platform === "win32")
    return await listenOnce(port).then(
      () => true,
      () => false,
    );
  try {
    await mkdir(host, { mode: 0o700 });
  } catch (error) {
    // However the last server ended, what it left belongs to its cluster, and what anybody else made does not.
    if (errorCode(error) === "EEXIST") return (await isOurs(host, cluster)) && !(await isListenedOn(host));
    if (errorCode(error) === "EACCES" || errorCode(error) === "ENOENT") return false;
    throw error;
  }
  await giveTo(cluster.account, host);
  return true;
}

/** Whether it is a folder that PostgreSQL's user alone can use. */
async function isOurs(folder: string, { account }: Cluster): Promise<boolean> {
  const found = await lstat(folder);
  return found.isDirectory() && found.uid === (account?.uid ?? process.getuid?.()) && (found.mode & 0o077) === 0;
}

async function isListenedOn(folder: string): Promise<boolean> {
  const socket = connect(join(folder, SOCKET_NAME));
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    if (hasNoRoom(error)) throw error;
    return false;
  } finally {
    socket.destroy();
  }
}

async function makeSocketFolder(cluster: Cluster): Promise<string> {
  const roomy = join(tmpdir(), `${SOCKET_FOLDER_PREFIX}XXXXXX`, SOCKET_NAME);
  const fits = Buffer.byteLength(roomy) <= SOCKET_PATH_MAX && (await canReach(tmpdir(), cluster.account));
  const folder = await mkdtemp(join(fits ? tmpdir() : "/tmp", SOCKET_FOLDER_PREFIX));
  await giveTo(cluster.account, folder);
  return folder;
}

/** The port (0: any free one) if nobody listens there. @throws Error when somebody does. */
async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once("error", fail).listen(port, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("No free port on 127.0.0.1.");
  return address.port;
}
