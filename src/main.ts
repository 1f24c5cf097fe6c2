import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DestinationStream } from "pino";
import packageJson from "../package.json" with { type: "json" };
import { renderBanner } from "./banner.ts";
import { explainMissingDatabase, findDatabase, orExplain } from "./command.ts";
import { type Config, loadConfig } from "./config.ts";
import { checkServer } from "./db/check-server.ts";
import { type Database, openDatabase } from "./db/database.ts";
import { errorCode } from "./db/faults.ts";
import { keepRunning } from "./db/keep-running.ts";
import { migrate } from "./db/migrate.ts";
import { openPrisma } from "./db/prisma.ts";
import { guardProcess } from "./http/last-guard.ts";
import { createLogger } from "./http/logger.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import { type RunningJob, startJobs } from "./jobs/jobs.ts";
import { createAuthenticator } from "./keys/authenticate.ts";
import { ensureFirstKeys } from "./keys/first-keys.ts";
import { createSignInToken, LINK_MINUTES } from "./keys/sign-in.ts";
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
    logger.warn(`Text searches read the texts of all tasks. Ask an administrator to run in psql: ${MAKE_TEXT_INDEX}`);
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
  const authenticate = await createAuthenticator(database, config.jwt);
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
