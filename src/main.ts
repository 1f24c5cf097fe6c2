import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "pg";
import type { DestinationStream } from "pino";
import packageJson from "../package.json" with { type: "json" };
import { renderBanner } from "./banner.ts";
import { type Config, loadConfig } from "./config.ts";
import { checkServer } from "./db/check-server.ts";
import { createDatabase } from "./db/create-database.ts";
import { type Database, openDatabase } from "./db/database.ts";
import { type EmbeddedServer, startEmbedded } from "./db/embedded.ts";
import { errorCode } from "./db/faults.ts";
import { keepRunning } from "./db/keep-running.ts";
import { migrate, migrateDown as undoMigrations } from "./db/migrate.ts";
import { hasCluster } from "./db/postgres-cluster.ts";
import { openPrisma } from "./db/prisma.ts";
import { guardProcess } from "./http/last-guard.ts";
import { createLogger } from "./http/logger.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import { type RunningJob, startJobs } from "./jobs/jobs.ts";
import { createAuthenticator } from "./keys/authenticate.ts";
import { ensureFirstKeys } from "./keys/first-keys.ts";
import { createSignInToken, LINK_MINUTES } from "./keys/sign-in.ts";
import { describeVerification } from "./log/audit/describe-verification.ts";
import { type KeptHeads, readHeads, signHeads, takeHeads } from "./log/audit/kept-heads.ts";
import { connectAuditor, verifyLog } from "./log/audit/verify.ts";
import { type Log, openLog } from "./log/log.ts";
import { Outage } from "./log/outage.ts";
import { hasTextIndex, MAKE_TEXT_INDEX } from "./tasks/text-index.ts";

export interface RunningServer {
  /** Without a path, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly database: Database;
  readonly log: Log;
  /** Ends everything in order: no new requests, streams end with a place to resume from, then the database. */
  close(): Promise<void>;
}

interface StartOptions {
  /** A migrated database. */
  readonly databaseUrl: string;
  /** Where the log goes instead of stdout. */
  readonly logDestination?: DestinationStream;
}

/**
 * Starts a server on a database that is there and migrated. Nothing stays open when it fails.
 * @throws Error whose message says what is wrong and what to do.
 */
export async function startServer(
  config: Config,
  { databaseUrl, logDestination }: StartOptions,
): Promise<RunningServer> {
  // Closed in the reverse order of what stands here.
  await using opened = new AsyncDisposableStack();
  const logger = createLogger(config.log, logDestination);
  const { poolSize: size, requestSeconds } = config.database;
  const database = openDatabase({ url: databaseUrl, size, applicationName: "docket", requestSeconds });
  opened.defer(() => database.close());
  await checkServer(database);
  if (!(await hasTextIndex(database)))
    logger.warn(`Text searches read the texts of all tasks. Ask an administrator to run: ${MAKE_TEXT_INDEX}`);
  const prisma = openPrisma(database.pool);
  opened.defer(() => prisma.$disconnect());
  const log = await openLog({ database, listenUrl: databaseUrl, logger, settings: config.delivery });
  let http: HttpServer | undefined;
  // Requests that stream end with their streams, and only then can all connections be closed.
  opened.defer(() => http?.close());
  let jobs: RunningJob | undefined;
  // Both take their time when the outside hangs: together.
  opened.defer(async () => void (await Promise.all([log.close(), jobs?.close()])));
  jobs = await startJobs({ database, log, logger, config });
  const authenticate = createAuthenticator(database, config.jwt);
  const services = { database, prisma, log };
  http = await startHttpServer({ services, authenticate, http: config.http, logger }).catch((error) => {
    throw explainListening(error, config);
  });
  const { url, stopAccepting } = http;
  opened.defer(stopAccepting);
  const owned = opened.move();
  return { url, database, log, close: () => owned.disposeAsync() };
}

/** Signals within this many milliseconds are one. */
const ECHO_MS = 500;

/** `docket start`: runs until SIGINT, SIGTERM or SIGHUP; a second one does not wait. Ends the process itself. */
export async function main(): Promise<void> {
  await orExplain(async () => {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    let stoppingSince: number | null = null;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        // A wrapper may pass on the Ctrl-C that the terminal has sent to everyone: that is still the first one.
        if (stoppingSince !== null && performance.now() - stoppingSince > ECHO_MS) process.exit(130);
        stoppingSince ??= performance.now();
        stop();
      });

    const config = loadConfig();
    guardProcess(createLogger(config.log));
    await using running = new AsyncDisposableStack();
    const { url, ownerUrl, place, embedded } = await findDatabase(config, running, { create: true });
    await migrate({ ownerUrl, loginUrl: url }).catch(explainMissingDatabase);
    const server = await startServer(config, { databaseUrl: url });
    running.defer(() => server.close());
    const keeper = embedded && keepRunning(embedded, new Outage(createLogger(config.log), "The embedded PostgreSQL"));
    running.defer(() => keeper?.stop());
    if (stoppingSince === null) process.stdout.write(await introduce(server, config, place));
    const givenUp = await Promise.race([stopped, ...(keeper ? [keeper.givenUp] : [])]);
    if (givenUp) throw givenUp;
    process.stdout.write("\nStopping: requests under way end first. Ctrl-C again to stop at once.\n");
  });
}

/** `docket migrate`: brings the database up to date, creating it first where `create` is set. */
export async function migrateUp({ create = false }: { readonly create?: boolean } = {}): Promise<void> {
  await orExplain(async () => {
    await using running = new AsyncDisposableStack();
    const { url, ownerUrl } = await findDatabase(loadConfig(), running, { create });
    if (create && (await createDatabase(ownerUrl))) console.log("Created the database.");
    const { applied } = await migrate({ ownerUrl, loginUrl: url }).catch(explainMissingDatabase);
    console.log(applied.length === 0 ? "The database is up to date." : `Applied ${applied.join(", ")}.`);
  });
}

/** `docket migrate down`: undoes the newest migration. */
export async function migrateDown(): Promise<void> {
  await orExplain(async () => {
    await using running = new AsyncDisposableStack();
    const { ownerUrl } = await findDatabase(loadConfig(), running);
    const { undone } = await undoMigrations({ ownerUrl }).catch(explainMissingDatabase);
    console.log(undone.length === 0 ? "There is no migration to undo." : `Undone: ${undone.join(", ")}.`);
  });
}

export interface AuditOptions {
  /** Only the chain of this project. */
  readonly project?: string | undefined;
  /** File of heads that were kept. */
  readonly against?: string | undefined;
  /** PEM file of the key that the signature of these is checked with. */
  readonly publicKey?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `docket audit verify`: says the first broken row of the log; the exit code is 1 then. */
export async function auditVerify({ project, against, publicKey, json = false }: AuditOptions): Promise<void> {
  await orExplain(async () => {
    let kept: KeptHeads | undefined;
    if (against !== undefined)
      kept = readHeads(
        await readFile(against, "utf8"),
        publicKey === undefined ? null : await readFile(publicKey, "utf8"),
      );
    const result = await withAuditor((auditor) => verifyLog(auditor, { projectId: project, against: kept }));
    console.log(json ? JSON.stringify(result) : describeVerification(result, kept, publicKey !== undefined));
    if (result.faults.length > 0) process.exitCode = 1;
  });
}

/** `docket audit head`: prints the ends of all chains, to be kept elsewhere. @param sign PEM file of the key to sign with. */
export async function auditHead({ sign }: { readonly sign?: string | undefined }): Promise<void> {
  await orExplain(async () => {
    const key = sign === undefined ? undefined : await readFile(sign, "utf8");
    const heads = await withAuditor(takeHeads);
    console.log(JSON.stringify(key === undefined ? heads : signHeads(heads, key), null, 2));
  });
}

async function withAuditor<T>(look: (auditor: Client) => Promise<T>): Promise<T> {
  await using running = new AsyncDisposableStack();
  const { ownerUrl } = await findDatabase(loadConfig(), running);
  const auditor = await connectAuditor(ownerUrl).catch(explainMissingDatabase);
  running.defer(() => auditor.end());
  return await look(auditor).catch((error: unknown) => {
    if (errorCode(error) !== UNDEFINED_TABLE) throw error;
    throw new Error("This database is not up to date. Bring it there first: npm run db:migrate", { cause: error });
  });
}

const UNDEFINED_TABLE = "42P01";

interface FoundDatabase {
  readonly url: string;
  readonly ownerUrl: string;
  /** For a person, without the password. */
  readonly place: string;
  /** The one that `url` leads to, unless it is somebody else's to run. */
  readonly embedded?: EmbeddedServer;
}

/** @param create whether the embedded database may be made: an empty one that nobody asked for would look like good news. */
async function findDatabase(
  { database, home }: Config,
  running: AsyncDisposableStack,
  { create = false }: { readonly create?: boolean } = {},
): Promise<FoundDatabase> {
  if (database.url !== null) {
    const { hostname, port, pathname, searchParams } = new URL(database.url);
    const host = searchParams.get("host") ?? `${hostname}:${port || 5432}`;
    return {
      url: database.url,
      ownerUrl: database.ownerUrl ?? database.url,
      place: `PostgreSQL at ${host}, database ${decodeURIComponent(pathname.slice(1))}`,
    };
  }
  if (!create && !(await hasCluster(home)))
    throw new Error(
      `There is no database in ${home}. Run this in the folder where the server is started, set DOCKET_HOME to ` +
        "the server's, or DATABASE_URL (and DATABASE_OWNER_URL) to the PostgreSQL that it uses.",
    );
  const embedded = await startEmbedded(home);
  running.defer(() => embedded.stop());
  return { url: embedded.url, ownerUrl: embedded.ownerUrl, place: `PostgreSQL of its own, in ${home}`, embedded };
}

async function introduce({ url, database }: RunningServer, config: Config, place: string): Promise<string> {
  const { adminKeyId, ...keys } = await ensureFirstKeys(database, config.home);
  const root = fileURLToPath(new URL("..", import.meta.url));
  // The one that was installed with this clone reads TypeScript, whatever the machine's own does.
  const node = join(root, "node_modules", ".bin", "node");
  return renderBanner({
    version: packageJson.version,
    url,
    database: place,
    ...keys,
    signInUrl: `${url}/sign-in?token=${await createSignInToken(database, adminKeyId)}`,
    signInMinutes: LINK_MINUTES,
    node: existsSync(node) ? node : process.execPath,
    cli: join(root, "cli", "docket.js"),
  });
}

/** Runs a command and ends the process; what it throws becomes one message and a failing exit code. */
async function orExplain(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    // Of these only the message helps; anything like a TypeError is a fault of ours and needs its stack.
    const ours = error instanceof TypeError || error instanceof ReferenceError;
    process.stderr.write(`${ours ? error.stack : error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
  process.exit();
}

const NO_SUCH_DATABASE = "3D000";

function explainMissingDatabase(error: unknown): never {
  if (errorCode(error) !== NO_SUCH_DATABASE || !(error instanceof Error)) throw error;
  throw new Error(`${error.message}\nTo create the database: npm run db:init`, { cause: error });
}

function explainListening(error: unknown, { http: { host, port } }: Config): unknown {
  const reason = LISTENING[errorCode(error) ?? ""];
  return reason === undefined
    ? error
    : new Error(`Cannot listen on ${host}, port ${port}: ${reason}`, { cause: error });
}

const LISTENING: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program does already. Stop it, or choose another port, such as PORT=4001 npm start.",
  EACCES: "that takes more rights. Choose a port from 1024 on with PORT.",
  EADDRNOTAVAIL: "this machine has no such address. Set HOST to one it has, such as 127.0.0.1.",
  ENOTFOUND: "this name is not known. Set HOST to an address of this machine, such as 127.0.0.1.",
};
