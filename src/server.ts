import type { DestinationStream } from "pino";
import { createLimits } from "./access/rate-limits.ts";
import type { Config } from "./config/config.ts";
import { checkServer } from "./db/check-server.ts";
import { type Database, openDatabase } from "./db/database.ts";
import { neededMigrations } from "./db/migrate.ts";
import { openPrisma } from "./db/prisma.ts";
import { DatabaseWatch } from "./db/watch.ts";
import { createLogger } from "./http/logger.ts";
import { openMetrics } from "./http/metrics/open.ts";
import type { Port } from "./http/port.ts";
import { type HttpServer, startHttpServer } from "./http/server.ts";
import { openTraces } from "./http/traces/open.ts";
import { type RunningJobs, startJobs } from "./jobs/jobs.ts";
import { createAuthenticator } from "./keys/authenticate.ts";
import { KeyValidity } from "./keys/validity.ts";
import { systemClock } from "./log/clock.ts";
import { type Log, openLog } from "./log/log.ts";
import { visibilityOfEvents } from "./projects/visibility-of-events.ts";
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
  /** The same, where it is open already. */
  readonly database?: Database;
  /** The address, where it has been taken already. */
  readonly port?: Port;
  /** Where the log goes instead of stdout. */
  readonly logDestination?: DestinationStream;
  /** Milliseconds of the clock by which limits in time hold, instead of the process's. */
  readonly now?: () => number;
}

/**
 * Starts a server on a database that is there and migrated. Nothing stays open when it fails.
 * @throws Error whose message says what is wrong and what to do.
 */
export async function startServer(
  config: Config,
  { databaseUrl, database: given, port, logDestination, now }: StartOptions,
): Promise<RunningServer> {
  // Closed in the reverse order of what stands here.
  await using opened = new AsyncDisposableStack();
  const logger = createLogger(config.logger, logDestination);
  const traces = config.traces && (await openTraces(config.traces, logger));
  opened.defer(() => traces?.close());
  const { poolSize: size, requestSeconds } = config.database;
  const database = given ?? openDatabase({ url: databaseUrl, size, applicationName: "docket", requestSeconds });
  opened.defer(() => database.close());
  await checkServer(database);
  if (!(await hasTextIndex(database)))
    logger.warn(`Text searches read the texts of all tasks. Ask an administrator to run in psql: ${MAKE_TEXT_INDEX}`);
  const watch = new DatabaseWatch(database, await neededMigrations());
  opened.defer(() => watch.close());
  const prisma = openPrisma(database.pool);
  opened.defer(() => prisma.$disconnect());
  const validity = new KeyValidity(database, systemClock, logger);
  opened.defer(() => validity.close());
  const visibility = visibilityOfEvents(database);
  const log = await openLog({
    database,
    listenUrl: databaseUrl,
    logger,
    visibility,
    validity,
    settings: config.log,
  });
  let http: HttpServer | undefined;
  // Requests that stream end with their streams, and only then can all connections be closed.
  opened.defer(() => http?.close());
  let jobs: RunningJobs | undefined;
  // Both take their time when the outside hangs: together.
  opened.defer(async () => void (await Promise.all([log.close(), jobs?.close()])));
  jobs = await startJobs({ database, log, logger, config });
  const authenticate = await createAuthenticator(database, config.jwt);
  const services = { database, prisma, log, jobs, limits: createLimits(config.limits, now) };
  const vitals = { database: () => watch.state, bus: () => busWorks(jobs) };
  const metrics = config.metrics && (await openMetrics(config.metrics, { database, log, jobs, vitals }));
  const { http: httpConfig, trustedDocuments } = config;
  const served = { services, authenticate, http: httpConfig, trustedDocuments, logger, vitals, metrics, traces };
  http = await startHttpServer({ ...served, ...(port && { port }) });
  const { url, stopAccepting } = http;
  opened.defer(stopAccepting);
  const owned = opened.move();
  return { url, database, log, close: () => owned.disposeAsync() };
}

/** Whether this process publishes to the bus; null: it has none, or leaves that to others. */
function busWorks(jobs: RunningJobs | undefined): boolean | null {
  const failures = jobs?.failures().get("bus");
  return failures === undefined ? null : failures === 0;
}
