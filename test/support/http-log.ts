import { pino } from "pino";
import { onTestFinished } from "vitest";
import { acting } from "../../src/access/act-as.ts";
import { SERVER } from "../../src/access/viewer.ts";
import { readConfig } from "../../src/config/config.ts";
import { openPrisma } from "../../src/db/prisma.ts";
import { startHttpServer } from "../../src/http/server.ts";
import { createAuthenticator } from "../../src/keys/authenticate.ts";
import { insertKey } from "../../src/keys/create.ts";
import { makeSecret } from "../../src/keys/secret.ts";
import type { LogOptions } from "../../src/log/log.ts";
import { contextOf, startLog, type TestLog } from "../log/test-log.ts";
import { noJobs } from "./no-jobs.ts";

/** The HTTP server around a log whose clock and settings the test chooses. */
export interface HttpLog extends TestLog {
  /** Without a path. */
  readonly url: string;
  /** An unlimited agent's. */
  readonly key: string;
}

/** Everything ends with the test. */
export async function startHttpLog(options: Partial<LogOptions> = {}): Promise<HttpLog> {
  const at = await startLog(options);
  const prisma = openPrisma(at.database.pool);
  const secret = makeSecret("key");
  await acting(contextOf(at.database, SERVER), (inside) => insertKey(inside, secret, { name: "agent", role: "agent" }));
  const server = await startHttpServer({
    services: { database: at.database, prisma, log: at.log, jobs: noJobs, limits: {} },
    authenticate: await createAuthenticator(at.database, null),
    http: readConfig({ PORT: "0" }).http,
    trustedDocuments: null,
    logger: pino({ level: "silent" }),
    vitals: { database: () => ({ connected: true, diskFull: false, lacking: [] }), bus: () => null },
    metrics: null,
    traces: null,
  });
  onTestFinished(async () => {
    await at.log.close();
    await server.close();
    await prisma.$disconnect();
  });
  return { ...at, url: server.url, key: secret.text };
}
