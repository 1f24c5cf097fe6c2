import { execFileSync } from "node:child_process";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";
import { keep, killPostmaster, query, startServer } from "./kept.ts";

test.runIf(mayMount())(
  "a PostgreSQL on a full disk is tried until there is space again, however often it fails",
  async () => {
    const disk = join(await makeTemporaryFolder("disk"), "disk");
    await mkdir(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=120m,mode=711", "tmpfs", disk]);
    onTestFinished(() => void execFileSync("umount", ["-l", disk]));
    const server = await startServer(await makeInitialisedHome(join(disk, ".docket")));
    onTestFinished(() => server.stop());
    const { told, failedStarts, givenUp } = keep(server);
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
    expect(await Promise.race([givenUp, "kept"])).toBe("kept");
  },
);

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
