import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import packageJson from "../../package.json" with { type: "json" };
import { type Config, loadConfig } from "../config/config.ts";
import { PACKAGE_ROOT } from "../config/package-root.ts";
import { keepRunning } from "../db/embedded/keep-running.ts";
import { migrate } from "../db/migrate.ts";
import { DocketError } from "../errors.ts";
import { guardProcess } from "../http/last-guard.ts";
import { createLogger } from "../http/logger.ts";
import { openPort } from "../http/port.ts";
import { ensureFirstKeys } from "../keys/first-keys.ts";
import { createSignInToken, LINK_MINUTES } from "../keys/sign-in.ts";
import { Outage } from "../log/outage.ts";
import type { RunningServer } from "../server.ts";
import { renderBanner } from "./banner.ts";
import { explainMissingDatabase, findDatabase } from "./find-database.ts";
import { orExplain } from "./or-explain.ts";

/** Signals that come within this many milliseconds of the first count as one. */
const ECHO_MS = 500;

/** Pause before another try to make the first keys, in milliseconds. */
const RETRY_MS = 1_000;

/** `docket start`: runs until SIGINT, SIGTERM or SIGHUP; a second one does not wait. Ends the process itself. */
export async function start(): Promise<void> {
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
    guardProcess(createLogger(config.logger));
    await using running = new AsyncDisposableStack();
    // The address is taken first of all: clients that come back after a restart connect, and wait for the rest.
    const port = await openPort(config.http);
    running.defer(() => port.close());
    // A signal closes the address at once, also while the rest is still being started.
    void stopped.then(() => port.stopAccepting());
    const { url, ownerUrl, place, embedded } = await findDatabase(config, running, { create: true });
    await migrate({ ownerUrl, loginUrl: url }).catch(explainMissingDatabase);
    // This loads most of the code and takes a second or two: Node takes no connection meanwhile, but the system does.
    const { startServer } = await import("../server.ts");
    const server = await startServer(config, { databaseUrl: url, port });
    const keeper =
      embedded && keepRunning(embedded, new Outage(createLogger(config.logger), "The embedded PostgreSQL"));
    running.defer(async () => {
      const kept = keeper?.stop();
      await server.close();
      await kept;
    });
    const ending = new AbortController();
    const ended = Promise.race([stopped, ...(keeper ? [keeper.givenUp] : [])]).finally(() => ending.abort());
    const printed = stoppingSince === null ? printBanner(server, config, place, ending.signal) : undefined;
    const givenUp = await Promise.race([ended, Promise.resolve(printed).then(() => ended)]);
    if (givenUp) throw givenUp;
    process.stdout.write("\nStopping: requests under way end first. Ctrl-C again to stop at once.\n");
  });
}

/**
 * Says where everything is, to people and to the commands of this folder, as soon as the database lets it: the server may
 * come up in the middle of an outage.
 */
async function printBanner(server: RunningServer, config: Config, place: string, ending: AbortSignal): Promise<void> {
  const outage = new Outage(createLogger(config.logger), "Making the first keys");
  while (!ending.aborted) {
    try {
      const banner = await bannerOf(server, config, place);
      // Where nothing can be written, the commands have to be told.
      await writeFile(join(config.home, "port"), `${new URL(server.url).port || 80}\n`).catch(() => undefined);
      process.stdout.write(banner);
      return outage.over();
    } catch (error) {
      if (!(error instanceof DocketError) || error.code !== "DATABASE_UNAVAILABLE") throw error;
      outage.failed(error);
      await sleep(RETRY_MS, undefined, { signal: ending }).catch(() => undefined);
    }
  }
}

async function bannerOf({ url, database }: RunningServer, config: Config, place: string): Promise<string> {
  const { adminKeyId, ...keys } = await ensureFirstKeys(database, config.home);
  // The one that was installed with this clone reads TypeScript, whatever the machine's own does.
  const node = join(PACKAGE_ROOT, "node_modules", ".bin", "node");
  return renderBanner({
    version: packageJson.version,
    url,
    database: place,
    ...keys,
    signInUrl: `${url}/sign-in?token=${await createSignInToken(database, adminKeyId)}`,
    signInMinutes: LINK_MINUTES,
    node: existsSync(node) ? node : process.execPath,
    cli: join(PACKAGE_ROOT, "cli", "docket.js"),
  });
}
