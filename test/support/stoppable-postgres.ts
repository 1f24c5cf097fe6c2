import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { run } from "../../src/db/embedded/binaries.ts";
import { openCluster } from "../../src/db/embedded/open.ts";
import { findPostmaster } from "../../src/db/embedded/postmaster.ts";
import { startEmbedded } from "../../src/db/embedded/start.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "./temporary-folder.ts";

/** A PostgreSQL of one test alone, which may be taken away. */
export interface StoppablePostgres {
  /** Of its superuser, to the database `docket`. */
  readonly url: string;
  /** Stops all its processes where they stand (SIGSTOP): connections stay open, and nothing answers. */
  freeze(): Promise<void>;
  /** Lets them go on. */
  thaw(): void;
  /** Breaks it off, as a loss of power does, and starts it: it recovers from its write-ahead log. */
  crash(): Promise<void>;
}

/** Ends with the test. */
export async function startPostgres(): Promise<StoppablePostgres> {
  const folder = await makeInitialisedHome(join(await makeTemporaryFolder("postgres"), ".docket"));
  const server = await startEmbedded(folder, { settings: { fsync: "off", max_connections: "100" } });
  const cluster = await openCluster(folder, false);
  let frozen: number[] = [];
  const thaw = () => {
    for (const pid of frozen) signal(pid, "SIGCONT");
    frozen = [];
  };
  onTestFinished(async () => {
    thaw();
    await server.stop();
  });
  return {
    url: server.ownerUrl,
    async freeze() {
      const postmaster = await findPostmaster(cluster);
      if (!postmaster) throw new Error("PostgreSQL does not run");
      // First the one that would start others.
      frozen.push(postmaster.pid);
      signal(postmaster.pid, "SIGSTOP");
      for (const pid of await childrenOf(postmaster.pid)) {
        frozen.push(pid);
        signal(pid, "SIGSTOP");
      }
    },
    thaw,
    async crash() {
      const log = join(cluster.data, "server.log");
      const args = ["restart", "-s", "-w", "-m", "immediate", "-D", cluster.data, "-l", log];
      const { code, output } = await run(cluster.binaries.pg_ctl, args, cluster.account, cluster.data);
      if (code !== 0) throw new Error(`PostgreSQL did not restart: ${output}`);
    },
  };
}

async function childrenOf(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="]);
  return stdout.split("\n").flatMap((line) => {
    const [pid, ppid] = line.trim().split(/ +/).map(Number);
    return pid !== undefined && ppid === parent ? [pid] : [];
  });
}

/** A process that has ended meanwhile needs none. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
