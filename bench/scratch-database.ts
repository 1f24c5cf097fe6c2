import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { escapeIdentifier } from "pg";
import { connect } from "../src/db/connect.ts";
import { type EmbeddedServer, startEmbedded } from "../src/db/embedded/start.ts";

/** An empty database of a run's own, and a folder for what its servers keep. */
export interface ScratchDatabase {
  readonly url: string;
  readonly folder: string;
  /** DOCKET_HOME of servers. */
  readonly home: string;
  /** The command of servers, in place of this clone's. */
  readonly docket?: string;
  /** Its PostgreSQL where it is an embedded one, in `home`: servers that are given no URL start and keep it themselves. */
  readonly embedded: EmbeddedServer | undefined;
  /** Leaves nothing behind. End all connections first. */
  drop(): Promise<void>;
}

/** On the PostgreSQL of `given`, else on an embedded one in a temporary folder, with the settings of a real one but for its connections. */
export async function makeScratchDatabase(given: string | undefined): Promise<ScratchDatabase> {
  const folder = await mkdtemp(join(tmpdir(), "docket-bench-"));
  // Under root PostgreSQL runs as another user, who must pass.
  await chmod(folder, 0o711);
  const home = join(folder, "home");
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    if (given !== undefined) {
      const { url, drop } = await createOn(given);
      return { url, folder, home, embedded: undefined, drop: () => drop().finally(removeFolder) };
    }
    // A hundred connections for each of several systems, side by side.
    const embedded = await startEmbedded(home, { settings: { max_connections: "400" } });
    return { url: embedded.ownerUrl, folder, home, embedded, drop: () => embedded.stop().finally(removeFolder) };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

async function createOn(given: string) {
  const name = `docket_bench_${randomBytes(6).toString("hex")}`;
  const run = async (statement: string) => {
    const client = await connect(given, "docket bench set-up");
    await client.query(statement).finally(() => client.end());
  };
  await run(`CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE template0 ENCODING 'UTF8'`);
  const url = new URL(given);
  url.pathname = `/${name}`;
  // FORCE: a server that was killed may leave connections that PostgreSQL has not noticed yet.
  return { url: url.href, drop: () => run(`DROP DATABASE ${escapeIdentifier(name)} WITH (FORCE)`) };
}
