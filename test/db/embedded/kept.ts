import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { connect } from "../../../src/db/connect.ts";
import { type Keeper, keepRunning } from "../../../src/db/embedded/keep-running.ts";
import { type EmbeddedServer, startEmbedded } from "../../../src/db/embedded/start.ts";

/** A PostgreSQL that is kept running for one test. */
export interface Kept extends Keeper {
  /** What the keeper told, in order. */
  readonly told: string[];
  /** How often it looked whether PostgreSQL runs. */
  looks(): number;
  failedStarts(): number;
}

export const startServer = (folder: string) => startEmbedded(folder, { settings: { max_wal_size: "64MB" } });

export function keep(server: EmbeddedServer): Kept {
  const told: string[] = [];
  let looks = 0;
  const counted = { ...server, isRunning: () => server.isRunning().finally(() => looks++) };
  const keeper = keepRunning(counted, {
    failed: (error: Error) => void told.push(error.message),
    over: () => void told.push("over"),
  });
  onTestFinished(() => keeper.stop());
  return {
    ...keeper,
    told,
    looks: () => looks,
    failedStarts: () => told.filter((message) => message.includes("could not start")).length,
  };
}

export async function killPostmaster({ data }: EmbeddedServer, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  process.kill(Number.parseInt(await readFile(join(data, "postmaster.pid"), "utf8"), 10), signal);
}

export async function query({ ownerUrl }: EmbeddedServer, sql: string): Promise<Record<string, unknown>[]> {
  const client = await connect(ownerUrl, "docket test");
  return (await client.query(sql).finally(() => client.end())).rows;
}
