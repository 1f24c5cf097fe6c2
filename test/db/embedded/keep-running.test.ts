import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { appendFile, mkdir, readFile, rename, rm, statfs, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../../src/db/connect.ts";
import { type Keeper, keepRunning } from "../../../src/db/embedded/keep-running.ts";
import { type EmbeddedServer, startEmbedded } from "../../../src/db/embedded/start.ts";
import { eventually } from "../../support/eventually.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";

/** What the keeper told, in order. */
let told: string[];
const health = {
  failed: (error: Error) => void told.push(error.message),
  over: () => void told.push("over"),
};
const failedStarts = () => told.filter((message) => message.includes("could not start")).length;

beforeEach(() => {
  told = [];
});

const startServer = (folder: string) => startEmbedded(folder, { settings: { max_wal_size: "64MB" } });

let looks: number;

function keep(server: EmbeddedServer): Keeper {
  looks = 0;
  const counted = { ...server, isRunning: () => server.isRunning().finally(() => looks++) };
  const keeper = keepRunning(counted, health);
  onTestFinished(() => keeper.stop());
  return keeper;
}

async function killPostmaster({ data }: EmbeddedServer, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  process.kill(Number.parseInt(await readFile(join(data, "postmaster.pid"), "utf8"), 10), signal);
}

async function query({ ownerUrl }: EmbeddedServer, sql: string): Promise<Record<string, unknown>[]> {
  const client = await connect(ownerUrl, "docket test");
  return (await client.query(sql).finally(() => client.end())).rows;
}

describe("a PostgreSQL", () => {
  let server: EmbeddedServer;

  beforeAll(async () => {
    server = await startServer(await makeInitialisedHome(join(await makeTemporaryFolder("kept"), ".docket")));
    await query(server, "CREATE TABLE kept AS SELECT 42 AS answer");
  });

  beforeEach(async () => {
    // It may have been given up.
    if (!(await server.isRunning())) await server.restart();
  });

  afterAll(() => server.stop());

  test("is not taken for ended when it could not be looked at", async () => {
    keep(server);
    const file = join(server.data, "postmaster.pid");
    await rename(file, `${file}.aside`);
    // What is read through it is no more to be had than without a free descriptor.
    await symlink(file, file);
    await expect(server.isRunning()).rejects.toThrow("ELOOP");
    const seen = looks;
    await eventually(() => expect(looks).toBeGreaterThan(seen + 1));
    await rename(`${file}.aside`, file);
    expect(await server.isRunning()).toBe(true);
    await eventually(() => expect(told).toContain("over"));
    expect([...new Set(told)]).toEqual([expect.stringContaining("ELOOP"), "over"]);
  });

  test("is started again, at its address, when it was killed or ended in order, and given up when it ends five times within a minute, however long it ran in between, and not sooner", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const keeper = keep(server);
    // The first is a minute old when the fifth comes.
    const ends = ["SIGKILL", "SIGINT", "SIGTERM", "SIGKILL", "SIGKILL"] as const;
    for (const [i, signal] of ends.entries()) {
      told = [];
      await killPostmaster(server, signal);
      await eventually(() => expect(told).toContain("over"));
      expect([signal, ...told]).toEqual([signal, "PostgreSQL has ended unexpectedly.", "over"]);
      expect(await query(server, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
      vi.advanceTimersByTime(i === 0 ? 60_000 : 6_000);
    }
    expect(await Promise.race([keeper.givenUp, "kept"])).toBe("kept");
    await killPostmaster(server);
    expect((await keeper.givenUp).message).toMatch(/failed 5 times within a minute/);
  });

  test("is given up when it ends soon after every start", async () => {
    const keeper = keep(server);
    let kills = 0;
    const killer = setInterval(async () => {
      if (await server.isRunning())
        await killPostmaster(server).then(
          () => kills++,
          () => undefined,
        );
    }, 50);
    const { message } = await keeper.givenUp;
    clearInterval(killer);
    expect(message).toMatch(/failed 5 times within a minute/);
    expect(kills).toBeGreaterThanOrEqual(5);
  });

  test.runIf(process.platform === "linux")(
    "is started again once files can be opened, however often that fails, and not given up",
    async () => {
      const keeper = keep(server);
      const taken = await takeDescriptors();
      // As many as it takes to see that PostgreSQL has gone, and too few to start a program.
      for (const descriptor of taken.descriptors.splice(0, 2)) closeSync(descriptor);
      await killPostmaster(server);
      await eventually(() => expect(told.filter((message) => message.includes("EMFILE")).length).toBe(6), {
        timeout: 60_000,
      });
      await taken.giveBack();
      await eventually(() => expect(told.at(-1)).toBe("over"));
      expect(await Promise.race([keeper.givenUp, "kept"])).toBe("kept");
      await query(server, "SELECT");
    },
  );

  test("is given up when it has ended and cannot start in four tries, and leaves none behind", async () => {
    const keeper = keep(server);
    await appendFile(join(server.data, "postgresql.conf"), "nonsense = 1\n");
    await killPostmaster(server);
    const { message } = await keeper.givenUp;
    expect(message).toMatch(/failed 5 times within a minute.*nonsense/s);
    expect(failedStarts()).toBe(4);
    expect(await server.isRunning()).toBe(false);
    // Nobody else can start it either.
    await rm(server.data, { recursive: true });
  });
});

describe.runIf(mayMount())("on a full disk", () => {
  test("tries until there is space again, however often it fails", async () => {
    const disk = join(await makeTemporaryFolder("disk"), "disk");
    await mkdir(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=120m,mode=711", "tmpfs", disk]);
    onTestFinished(() => void execFileSync("umount", ["-l", disk]));
    const server = await startServer(await makeInitialisedHome(join(disk, ".docket")));
    onTestFinished(() => server.stop());
    const keeper = keep(server);
    await query(server, "CREATE TABLE kept AS SELECT 42 AS answer");
    // The recovery of a server that was killed makes this table once more, for which it needs space.
    await query(server, "CREATE TABLE gone AS SELECT repeat('x', 100) FROM generate_series(1, 30_000)");
    await query(server, "DROP TABLE gone");
    const filler = join(disk, "filler");
    const { bavail, bsize } = await statfs(disk);
    await writeFile(filler, Buffer.alloc(bavail * bsize)).catch(() => undefined);
    await expect(
      query(server, "CREATE TABLE more AS SELECT repeat('x', 100) FROM generate_series(1, 1000)"),
    ).rejects.toThrow("No space left on device");
    await killPostmaster(server);
    // One more than would be too many otherwise.
    await eventually(() => expect(failedStarts()).toBe(6), { timeout: 100_000 });
    await rm(filler);
    await eventually(() => expect(told.at(-1)).toBe("over"));
    expect(await query(server, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
    expect(await Promise.race([keeper.givenUp, "kept"])).toBe("kept");
  });
});

/** Takes all the descriptors that this process may have, which are made few before. */
async function takeDescriptors() {
  const limit = (soft: number | string) => `prlimit --pid ${process.pid} --nofile=${soft}:`;
  const [, before = ""] = /^Max open files\s+(\d+)/m.exec(await readFile("/proc/self/limits", "utf8")) ?? [];
  const highest = openSync("/dev/null", "r");
  // Nothing can be started without descriptors: who gives them back has to be there.
  const shell = spawn("sh", ["-c", `${limit(highest + 50)} && echo && read _; ${limit(before)}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(shell.stdout, "data");
  const descriptors = [highest];
  const giveBack = async () => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    if (shell.exitCode !== null) return;
    shell.stdin.end();
    await once(shell, "exit");
  };
  onTestFinished(giveBack);
  try {
    for (;;) descriptors.push(openSync("/dev/null", "r"));
  } catch {
    return { descriptors, giveBack };
  }
}

/** Root of a container may not, unless the container is a privileged one. */
function mayMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
