import { mkdir, realpath, rm } from "node:fs/promises";
import { createServer, Socket } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { connect } from "./connect.ts";
import { createDatabase } from "./create-database.ts";
import { whileLocked } from "./file-lock.ts";
import { type Cluster, clusterPassword, EMBEDDED_USER, openCluster, writeSettings } from "./postgres-cluster.ts";
import { findPostmaster, makeSocketFolder, type Postmaster, startPostmaster, stopPostmaster } from "./postmaster.ts";
import { errorCode } from "./retry.ts";

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
/** Name of the connection that each process of a folder holds from start to stop. */
const PRESENCE = "docket presence";
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
  const settings = { ...SETTINGS, ...options.settings };

  const entered = await whileLocked(lock, async () => {
    const cluster = await openCluster(home, settings["fsync"] !== "off");
    const running = await findPostmaster(cluster);
    const joined = running && (await enter(cluster, running, UNREACHABLE_MS));
    if (joined) return joined;
    // A server that nobody can reach any more (its socket was swept from the temporary folder) helps nobody.
    if (running) await stopPostmaster(cluster);
    return await start(cluster, settings);
  });

  let left: Promise<void> | undefined;
  return {
    url: entered.url,
    stop: () => {
      left ??= whileLocked(lock, () => leave(entered));
      return left;
    },
  };
}

interface Entered {
  readonly cluster: Cluster;
  readonly url: string;
  readonly presence: Client;
  readonly socket: Socket;
}

async function start(cluster: Cluster, settings: Readonly<Record<string, string>>): Promise<Entered> {
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
  const entered = await enter(cluster, postmaster, PATIENCE_MS);
  if (entered) return entered;
  throw new Error(`PostgreSQL runs in ${cluster.data} but cannot be reached. Stop the other process that uses it.`);
}

/**
 * Connects to a running server, waiting while it starts or recovers; undefined when it is gone, or out of reach for
 * `unreachableMs`. The connection is held until `leave`: by it the server itself knows who uses it, exactly, with no
 * list of process ids to go stale (a killed process loses its connections).
 */
async function enter(cluster: Cluster, postmaster: Postmaster, unreachableMs: number): Promise<Entered | undefined> {
  const began = performance.now();
  const password = await clusterPassword(cluster);
  for (let current: Postmaster | undefined = postmaster; current; current = await findPostmaster(cluster)) {
    if (performance.now() - began > PATIENCE_MS) break;
    if (current.address === undefined) {
      await sleep(POLL_MS);
      continue;
    }
    const url = urlOf(current.address, password);
    const socket = new Socket();
    try {
      await createDatabase(url);
      const presence = await connect(databaseUrl(url, "postgres"), PRESENCE, { stream: () => socket });
      // It must not keep the process alive by itself.
      socket.unref();
      return { cluster, url, presence, socket };
    } catch (error) {
      const code = errorCode(error) ?? "";
      const unreachable = UNREACHABLE.has(code);
      if (unreachable && performance.now() - began > unreachableMs) break;
      if (!unreachable && !NOT_NOW.has(code)) throw error;
      await sleep(POLL_MS);
    }
  }
  return undefined;
}

/** Nobody listens: the server is still starting, or its socket is gone. */
const UNREACHABLE = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);
/** The server is starting up or shutting down: cannot_connect_now, admin_shutdown, crash_shutdown. */
const NOT_NOW = new Set(["57P03", "57P01", "57P02"]);

async function leave({ cluster, url, presence, socket }: Entered): Promise<void> {
  socket.ref();
  // Our own connection may still be listed for a moment after its end, so it is left out by its process id.
  const [{ pid }] = (await presence.query("SELECT pg_backend_pid() AS pid").catch(() => undefined))?.rows ?? [
    { pid: 0 },
  ];
  await presence.end().catch(() => undefined);
  const others = await countOthers(databaseUrl(url, "postgres"), pid);
  // Under the folder's lock nobody can join between the count and the stop.
  if (others === 0) await stopPostmaster(cluster);
}

/** How many other processes use the server; 0 as well when it is gone. */
async function countOthers(url: string, ownPid: number): Promise<number> {
  try {
    const client = await connect(url, "docket leaving");
    try {
      const { rows } = await client.query<{ others: number }>(
        "SELECT count(*)::int AS others FROM pg_stat_activity WHERE application_name = $1 AND pid <> $2",
        [PRESENCE, ownPid],
      );
      return rows[0]?.others ?? 0;
    } finally {
      await client.end();
    }
  } catch (error) {
    if (UNREACHABLE.has(errorCode(error) ?? "")) return 0;
    throw error;
  }
}

function urlOf({ host, port }: NonNullable<Postmaster["address"]>, password: string): string {
  const login = `${EMBEDDED_USER}:${encodeURIComponent(password)}`;
  if (process.platform === "win32") return `postgresql://${login}@${host}:${port}/${DATABASE}`;
  return `postgresql://${login}@localhost:${port}/${DATABASE}?${new URLSearchParams({ host })}`;
}

function databaseUrl(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("No free port on 127.0.0.1.");
  return address.port;
}
