import { mkdir, realpath, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DocketError } from "../errors.ts";
import { createDatabase } from "./create-database.ts";
import { errorCode, isConnectionLost } from "./faults.ts";
import { whileLocked } from "./file-lock.ts";
import { type Cluster, clusterPassword, EMBEDDED_USER, openCluster, writeSettings } from "./postgres-cluster.ts";
import { findPostmaster, makeSocketFolder, type Postmaster, startPostmaster, stopPostmaster } from "./postmaster.ts";
import { bePresent } from "./presence.ts";

/** A PostgreSQL server that came with Docket and serves one folder. */
export interface EmbeddedServer {
  /** Connection URL of the cluster's superuser to the database `docket`, which exists. Holds the password. */
  readonly url: string;
  /**
   * Leaves the server; the last process of this folder to leave stops it. End all other connections first.
   * @throws Error when the server does not stop.
   */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** PostgreSQL settings beside or instead of ours, for a start; a server that already runs keeps its own. */
  readonly settings?: Readonly<Record<string, string>>;
}

const DATABASE = "docket";
/** How long a server that is starting, recovering or stopping is waited for, in milliseconds. */
const PATIENCE_MS = 60_000;
/** How long a running server whose socket has vanished is tried before it is started anew, in milliseconds. */
const UNREACHABLE_MS = 2_000;
const POLL_MS = 50;

const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: "200",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  // Errors of statements are Docket's to log, and expected ones (a conflict, a retry) are no news.
  log_min_messages: "log",
  log_checkpoints: "off",
};

/**
 * Starts the PostgreSQL of `folder` (normally `.docket`), or joins it when it runs; the first start initialises it.
 * Safe when several processes call it at once, and after a kill -9 of Docket or of PostgreSQL.
 * @throws Error with one message that says what to do; a failed start includes the end of PostgreSQL's log.
 */
export async function startEmbedded(folder: string, options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  await mkdir(resolve(folder), { recursive: true, mode: 0o700 });
  const home = await realpath(folder);
  const lock = join(home, "postgres.lock");
  const users = join(home, "postgres.users");
  const settings = { ...SETTINGS, ...options.settings };

  const { cluster, url, presence } = await whileLocked(lock, async () => {
    const cluster = await openCluster(home, settings["fsync"] !== "off");
    const running = await findPostmaster(cluster);
    let url = running && (await reach(cluster, running, UNREACHABLE_MS));
    if (url === undefined) {
      // A server that nobody can reach any more (its socket was swept from the temporary folder) helps nobody.
      if (running) await stopPostmaster(cluster);
      url = await start(cluster, settings);
    }
    return { cluster, url, presence: bePresent(users) };
  });

  let left: Promise<void> | undefined;
  return {
    url,
    stop: () => {
      // Under the folder's lock nobody can join between the leaving and the stop.
      left ??= whileLocked(lock, async () => {
        if (presence.leave()) await stopPostmaster(cluster);
      });
      return left;
    },
  };
}

async function start(cluster: Cluster, settings: Readonly<Record<string, string>>): Promise<string> {
  // Windows has no Unix sockets to speak of; there the server listens on this machine alone.
  const windows = process.platform === "win32";
  const host = windows ? "127.0.0.1" : await makeSocketFolder(cluster);
  const address: Record<string, string> = windows
    ? { listen_addresses: host, port: String(await freePort()), unix_socket_directories: "" }
    : { listen_addresses: "", port: "5432", unix_socket_directories: host };
  await writeSettings(cluster, { ...settings, ...address });
  const postmaster = await startPostmaster(cluster).catch(async (error: unknown) => {
    if (!windows) await rm(host, { recursive: true, force: true });
    throw error;
  });
  const url = await reach(cluster, postmaster, PATIENCE_MS);
  if (url !== undefined) return url;
  throw new Error(`PostgreSQL runs in ${cluster.data} but cannot be reached. Stop the other process that uses it.`);
}

/**
 * The URL of a running server's database, which is made if there is none, waiting while the server starts or recovers;
 * undefined when it is gone, or out of reach for `unreachableMs`.
 */
async function reach(cluster: Cluster, postmaster: Postmaster, unreachableMs: number): Promise<string | undefined> {
  const began = performance.now();
  const password = await clusterPassword(cluster);
  for (let current: Postmaster | undefined = postmaster; current; current = await findPostmaster(cluster)) {
    if (performance.now() - began > PATIENCE_MS) break;
    if (current.address === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    const url = urlOf(current.address, password);
    try {
      await createDatabase(url);
      return url;
    } catch (error) {
      const unreachable = UNREACHABLE.has(errorCode(error) ?? "");
      if (unreachable && performance.now() - began > unreachableMs) break;
      if (!unreachable && !isNotNow(error)) throw error;
      await sleep(POLL_MS);
    }
  }
  return undefined;
}

/** Nobody listens: the server is still starting, or its socket is gone. */
const UNREACHABLE = new Set(["ENOENT", "ECONNREFUSED"]);
/** The server is starting up or shutting down: cannot_connect_now, admin_shutdown, crash_shutdown; or it just crashed. */
const NOT_NOW = new Set(["57P03", "57P01", "57P02", "ECONNRESET", "EPIPE"]);

function isNotNow(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined) return NOT_NOW.has(code);
  // A connection that ends while it is being made has no code.
  return isConnectionLost(error instanceof DocketError ? error.cause : error);
}

function urlOf({ host, port }: NonNullable<Postmaster["address"]>, password: string): string {
  const login = `${EMBEDDED_USER}:${encodeURIComponent(password)}`;
  if (process.platform === "win32") return `postgresql://${login}@${host}:${port}/${DATABASE}`;
  return `postgresql://${login}@localhost:${port}/${DATABASE}?${new URLSearchParams({ host })}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("No free port on 127.0.0.1.");
  return address.port;
}
