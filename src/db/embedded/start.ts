import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { escapeLiteral } from "pg";
import { DocketError } from "../../errors.ts";
import { connect } from "../connect.ts";
import { createDatabase } from "../create-database.ts";
import { errorCode, isConnectionLost } from "../faults.ts";
import { type Address, takeAddress } from "./address.ts";
import { type Cluster, clusterPassword, EMBEDDED_USER, serverPassword, writeSettings } from "./cluster.ts";
import { whileLocked } from "./file-lock.ts";
import { lockOf, makeHome, usersOf } from "./home.ts";
import { openCluster } from "./open.ts";
import { findPostmaster, isReachable, type Postmaster, startPostmaster, stopPostmaster } from "./postmaster.ts";
import { bePresent } from "./presence.ts";

/** A PostgreSQL server that came with Docket and serves one folder. */
export interface EmbeddedServer {
  /**
   * Connection URL to the database `docket`, which exists, with the login that a server works with: it owns nothing, and
   * a migration lets it act as `docket_app`. Holds the password.
   */
  readonly url: string;
  /** The same with the cluster's superuser, who migrates and owns the tables. */
  readonly ownerUrl: string;
  /** Absolute path of PostgreSQL's data folder. */
  readonly data: string;
  /** Whether PostgreSQL runs at its address. It may still be recovering. */
  isRunning(): Promise<boolean>;
  /**
   * Brings a server that has gone back to its address; when another process has done so already, only waits for it.
   * @param abort ends a start under way, which may take minutes; a server that had begun to start is stopped again.
   * @throws Error with the end of PostgreSQL's log.
   */
  restart(abort?: AbortSignal): Promise<void>;
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
/** What the server connects as. */
const SERVER_LOGIN = "docket_server";
/** The login does not exist or has another password (invalid_password). */
const INVALID_PASSWORD = "28P01";
/** How long a server that is starting, recovering or stopping is waited for, in milliseconds. */
const PATIENCE_MS = 240_000;
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
 * Safe when several processes call it at once, and after a kill -9 of Docket or of PostgreSQL. When it fails, no server
 * is left behind that nobody uses.
 * @throws Error with one message that says what to do; a failed start includes the end of PostgreSQL's log.
 */
export async function startEmbedded(folder: string, options: EmbeddedOptions = {}): Promise<EmbeddedServer> {
  const home = await makeHome(folder);
  const lock = lockOf(home);
  const settings = { ...SETTINGS, ...options.settings };

  const { cluster, presence, ...urls } = await whileLocked(lock, async () => {
    const cluster = await openCluster(home, settings["fsync"] !== "off");
    const presence = bePresent(usersOf(home));
    try {
      return { cluster, presence, ...(await bringUp(cluster, settings)) };
    } catch (error) {
      if (presence.leave()) await stopPostmaster(cluster);
      throw error;
    }
  });

  const address = addressIn(urls.url);
  let left: Promise<void> | undefined;
  return {
    ...urls,
    data: cluster.data,
    isRunning: () => isReachable(cluster, address),
    restart: (abort) =>
      whileLocked(
        lock,
        async () => {
          const { ownerUrl } = await bringUp(cluster, settings, { abort, address });
          if (ownerUrl !== urls.ownerUrl)
            throw new Error(`PostgreSQL runs again, but not at ${address.host}, where this process looks for it.`);
        },
        abort,
      ),
    stop: () => {
      // Under the folder's lock nobody can join between the leaving and the stop.
      left ??= whileLocked(lock, async () => {
        if (presence.leave()) await stopPostmaster(cluster);
      });
      return left;
    },
  };
}

/**
 * Starts a cluster that nobody uses yet and stops it again, so that it is seen to start and has recovered.
 * @throws Error with the end of PostgreSQL's log.
 */
export async function tryOut(cluster: Cluster, options: EmbeddedOptions = {}): Promise<void> {
  try {
    await bringUp(cluster, { ...SETTINGS, ...options.settings });
  } finally {
    await stopPostmaster(cluster);
  }
}

interface Again {
  readonly abort: AbortSignal | undefined;
  /** Where the server was, and has to be. */
  readonly address: Address;
}

/** The running server's URLs, or those of one started now. */
async function bringUp(cluster: Cluster, settings: Readonly<Record<string, string>>, again?: Again) {
  const { abort } = again ?? {};
  const running = await findPostmaster(cluster);
  let ownerUrl = running && !running.isStopping ? await reach(cluster, running, UNREACHABLE_MS, abort) : undefined;
  if (ownerUrl === undefined) {
    // A server that nobody can reach any more helps nobody: its socket was swept from the temporary folder, or it was
    // told to stop and waits for the connections that it has.
    if (running) await stopPostmaster(cluster);
    ownerUrl = await start(cluster, settings, again);
  }
  return { ownerUrl, url: await ensureServerLogin(ownerUrl, cluster) };
}

async function start(
  cluster: Cluster,
  settings: Readonly<Record<string, string>>,
  { abort, address: wanted }: Partial<Again> = {},
): Promise<string> {
  const { host, port } = await takeAddress(cluster, wanted);
  // Windows has no Unix sockets to speak of; there the server listens on this machine alone.
  const address: Record<string, string> =
    process.platform === "win32"
      ? { listen_addresses: host, port: String(port), unix_socket_directories: "" }
      : // A list, in which only quotes protect a comma or a space at the end.
        { listen_addresses: "", port: String(port), unix_socket_directories: `"${host.replaceAll('"', '""')}"` };
  try {
    await writeSettings(cluster, { ...settings, ...address });
    const url = await reach(cluster, await startPostmaster(cluster, abort), PATIENCE_MS, abort);
    if (url !== undefined) return url;
    throw new Error(`PostgreSQL runs in ${cluster.data} but cannot be reached. Stop the other process that uses it.`);
  } catch (error) {
    await stopPostmaster(cluster);
    if (process.platform !== "win32") await rm(host, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The URL of a running server's database, which is made if there is none, waiting while the server starts or recovers;
 * undefined when it is gone, or out of reach for `unreachableMs`.
 */
async function reach(
  cluster: Cluster,
  postmaster: Postmaster,
  unreachableMs: number,
  abort: AbortSignal | undefined,
): Promise<string | undefined> {
  const began = performance.now();
  const password = await clusterPassword(cluster);
  for (let current: Postmaster | undefined = postmaster; current; current = await findPostmaster(cluster)) {
    abort?.throwIfAborted();
    if (performance.now() - began > PATIENCE_MS) break;
    if (current.address === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    const url = urlOf(current.address, EMBEDDED_USER, password);
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

/**
 * The URL of the server's own login, which is made if there is none: clusters of earlier versions have only the
 * superuser. Its rights come with the migration.
 */
async function ensureServerLogin(ownerUrl: string, cluster: Cluster): Promise<string> {
  const password = await serverPassword(cluster);
  const login = new URL(ownerUrl);
  login.username = SERVER_LOGIN;
  login.password = password;
  try {
    await (await connect(login.href, "docket")).end();
  } catch (error) {
    if (errorCode(error) !== INVALID_PASSWORD) throw error;
    const owner = await connect(ownerUrl, "docket");
    const { rowCount } = await owner.query("SELECT FROM pg_roles WHERE rolname = $1", [SERVER_LOGIN]);
    const verb = rowCount === 0 ? "CREATE" : "ALTER";
    await owner
      .query(`${verb} ROLE ${SERVER_LOGIN} LOGIN PASSWORD ${escapeLiteral(password)}`)
      .finally(() => owner.end());
  }
  return login.href;
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

function urlOf({ host, port }: Address, user: string, password: string): string {
  const url = new URL(`postgresql://localhost:${port}/${DATABASE}`);
  url.username = user;
  url.password = password;
  if (process.platform === "win32") url.hostname = host;
  else url.searchParams.set("host", host);
  return url.href;
}

function addressIn(url: string): Address {
  const { hostname, port, searchParams } = new URL(url);
  return { host: searchParams.get("host") ?? hostname, port: Number(port) };
}
