import { access, chown, readdir } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Account, isRoot, unprivilegedAccount } from "../../src/db/embedded/account.ts";
import { run } from "../../src/db/embedded/binaries.ts";
import { copyFolder } from "./copy-folder.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const INSTALLED = "/usr/lib/postgresql";

/** A PostgreSQL of the system, which unlike the embedded one has its client programs too. */
export interface SystemPostgres {
  /** Of its superuser, to the database `docket`, which is for the test to make. */
  readonly url: string;
  /** Where its programs may write. */
  readonly folder: string;
  /** Runs one of its programs; its connection settings come first. */
  client(program: "pg_dump" | "pg_restore" | "psql", ...args: string[]): Promise<{ code: number; output: string }>;
}

/** The programs of the newest PostgreSQL installed; undefined when there is none. */
export async function findSystemPostgres(): Promise<string | undefined> {
  const versions = (await readdir(INSTALLED).catch(() => [])).sort((a, b) => Number(b) - Number(a));
  for (const version of versions) {
    const bin = join(INSTALLED, version, "bin");
    const complete = ["initdb", "pg_ctl", "pg_dump", "pg_restore"].map((program) => access(join(bin, program)));
    if ((await Promise.allSettled(complete)).every(({ status }) => status === "fulfilled")) return bin;
  }
  return undefined;
}

/** A new cluster's data, for copying: to make one takes longer than all that a test does with it. */
let made: Promise<string> | undefined;

async function initialise(bin: string, account: Account | undefined): Promise<string> {
  const folder = await makeFolder(account);
  const data = join(folder, "data");
  const args = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const { code, output } = await run(join(bin, "initdb"), args, account, folder);
  if (code !== 0) throw new Error(`initdb failed: ${output}`);
  return data;
}

async function makeFolder(account: Account | undefined): Promise<string> {
  const folder = await makeTemporaryFolder("pg");
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Makes a cluster and starts it; it ends with the test. */
export async function startSystemPostgres(bin: string): Promise<SystemPostgres> {
  const account: Account | undefined = isRoot() ? await unprivilegedAccount() : undefined;
  made ??= initialise(bin, account);
  const folder = await makeFolder(account);
  const data = join(folder, "data");
  await copyFolder(await made, data);
  const call = (program: string, ...args: string[]) => run(join(bin, program), args, account, folder);
  const succeed = async (program: string, ...args: string[]) => {
    const { code, output } = await call(program, ...args);
    if (code !== 0) throw new Error(`${program} failed: ${output}`);
  };
  const settings = `-k ${folder} -c listen_addresses='' -c fsync=off -c shared_buffers=16MB -c autovacuum=off`;
  await succeed("pg_ctl", "start", "-w", "-s", "-D", data, "-l", join(folder, "log"), "-o", settings);
  onTestFinished(() => succeed("pg_ctl", "stop", "-w", "-s", "-m", "immediate", "-D", data));
  return {
    url: `postgresql://postgres@localhost/docket?${new URLSearchParams({ host: folder })}`,
    folder,
    client: (program, ...args) => call(program, "-h", folder, "-U", "postgres", ...args),
  };
}
