import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFile, chmod, mkdir, mkdtemp, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { escapeIdentifier, escapeLiteral } from "pg";
import type { TestProject } from "vitest/node";
import { connect } from "../../src/db/connect.ts";
import { createDatabase } from "../../src/db/create-database.ts";
import { startEmbedded } from "../../src/db/embedded/start.ts";
import { migrate } from "../../src/db/migrate.ts";
import { copyHome } from "./copy-folder.ts";
import { SMALL } from "./small-postgres.ts";

/** What a test needs to know of the run's cluster. */
export interface TestCluster {
  /** A superuser's URL to the database `postgres`. */
  readonly adminUrl: string;
  /** A login that owns nothing and may only become `docket_app`, as in a careful installation. */
  readonly login: string;
  readonly password: string;
  /** A migrated database that nobody may connect to, for cloning. */
  readonly template: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    cluster: TestCluster;
    /** A folder that goes when the run ends. */
    runFolder: string;
    /** A Docket folder whose database is initialised, migrated and stopped, for copying. */
    initialisedHome: string;
  }
}

/** Free space that a run's databases may need, in bytes; a container's /dev/shm often has only 64 MB. */
const ENOUGH = 2 * 1024 ** 3;

/** One PostgreSQL for the whole run, with a migrated template: our own, or the one that TEST_DATABASE_URL names. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const runFolder = await makeRunFolder();
  project.provide("runFolder", runFolder);
  const watcher = spawn(process.execPath, [fileURLToPath(new URL("run-watcher.ts", import.meta.url)), runFolder], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const initialisedHome = join(runFolder, "initialised");
  const data = await initialise(initialisedHome);
  project.provide("initialisedHome", initialisedHome);
  const given = process.env["TEST_DATABASE_URL"];
  // What is thrown away need not be safe; no plan is used often enough to be worth compiling; and what the planner knows
  // must not depend on the moment: a table that is analysed while rows are being added counts as empty.
  const settings = {
    fsync: "off",
    full_page_writes: "off",
    max_connections: "500",
    scram_iterations: "1",
    jit: "off",
    autovacuum: "off",
  };
  const home = join(runFolder, "cluster");
  if (!given) await copyHome(initialisedHome, home);
  // Whatever a test starts a copy with.
  const lines = Object.entries(SMALL).map(([name, value]) => `${name} = ${value}\n`);
  await appendFile(join(data, "postgresql.conf"), lines.join(""));
  const server = given ? undefined : await startEmbedded(home, { settings });
  const cluster = await prepare(given ?? server?.ownerUrl ?? "", given ? undefined : "docket");
  project.provide("cluster", cluster);
  return async () => {
    if (given) await cleanUp(cluster);
    await server?.stop();
    // The watcher removes the folder, as it does when a run is interrupted or its set-up fails.
    watcher.stdin?.end();
    await once(watcher, "exit");
  };
}

/** Makes a Docket folder with all that a start would make first. @returns PostgreSQL's data folder. */
async function initialise(home: string): Promise<string> {
  await mkdir(home, { mode: 0o711 });
  const server = await startEmbedded(home, { settings: SMALL });
  await migrate({ ownerUrl: server.ownerUrl, loginUrl: server.url }).finally(() => server.stop());
  return server.data;
}

/** In memory where there is room: a database is some hundred files, which on a disk take twenty times as long. */
async function makeRunFolder(): Promise<string> {
  const memory = await statfs("/dev/shm").catch(() => undefined);
  const roomy = memory !== undefined && memory.bavail * memory.bsize > ENOUGH;
  const folder = await mkdtemp(join(roomy ? "/dev/shm" : tmpdir(), "docket-test-"));
  // Under root PostgreSQL runs as another user, who must pass.
  await chmod(folder, 0o711);
  return folder;
}

/**
 * Names differ from run to run, as several may share one given cluster.
 * @param migrated a database of it that is migrated already.
 */
async function prepare(url: string, migrated?: string): Promise<TestCluster> {
  const id = randomBytes(4).toString("hex");
  const cluster = {
    adminUrl: withDatabase(url, "postgres"),
    login: `docket_test_${id}`,
    password: randomBytes(12).toString("hex"),
    template: `docket_template_${id}`,
  };
  const admin = await connect(cluster.adminUrl, "docket test set-up");
  try {
    await admin.query(`CREATE ROLE ${cluster.login} LOGIN PASSWORD ${escapeLiteral(cluster.password)}`);
    const ownerUrl = withDatabase(url, cluster.template);
    const loginUrl = new URL(ownerUrl);
    loginUrl.username = cluster.login;
    loginUrl.password = cluster.password;
    if (migrated) await admin.query(`CREATE DATABASE ${cluster.template} TEMPLATE ${migrated} STRATEGY file_copy`);
    else await createDatabase(ownerUrl);
    await migrate({ ownerUrl, loginUrl: loginUrl.href });
    // A template with any connection to it cannot be cloned.
    await admin.query(`ALTER DATABASE ${escapeIdentifier(cluster.template)} ALLOW_CONNECTIONS false`);
  } finally {
    await admin.end();
  }
  return cluster;
}

async function cleanUp({ adminUrl, template, login }: TestCluster): Promise<void> {
  const admin = await connect(adminUrl, "docket test clean-up");
  // Those of tests that were interrupted, or that were kept for the next test.
  const { rows } = await admin.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)",
    [`${login}_`],
  );
  for (const { name } of rows) await admin.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
  await admin.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(template)}`);
  await admin.query(`DROP ROLE IF EXISTS ${escapeIdentifier(login)}`);
  await admin.end();
}

/** The same URL with another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
