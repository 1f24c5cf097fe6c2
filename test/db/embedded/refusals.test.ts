import { execFile } from "node:child_process";
import { appendFile, chown, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { canReach } from "../../../src/db/embedded/account.ts";
import { startEmbedded } from "../../../src/db/embedded/start.ts";
import { SMALL } from "../../support/small-postgres.ts";
import { makeInitialisedHome, makeTemporaryFolder } from "../../support/temporary-folder.ts";

const FAST = { settings: SMALL };
let temporary: string;
let folder: string;

beforeEach(async () => {
  temporary = await makeTemporaryFolder("refused");
  folder = join(temporary, ".docket");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

test("says of a folder whose name its tools cannot take that it cannot run there", async () => {
  const name = join(temporary, 'a "b" $c');
  await expect(startEmbedded(name, FAST)).rejects.toThrow(`PostgreSQL cannot run in ${name}: the path has a character`);
});

test("a failed start tells what PostgreSQL said", async () => {
  await makeInitialisedHome(folder);
  // Where the socket would have been, so that a left-over is seen.
  vi.stubEnv("TMPDIR", temporary);
  await appendFile(join(folder, "postgres", "postgresql.conf"), "nonsense = 1\n");
  await expect(startEmbedded(folder, FAST)).rejects.toThrow(
    /could not start in .*unrecognized configuration.*nonsense/s,
  );
});

test("a start that fails after PostgreSQL came up leaves none behind", async () => {
  await makeInitialisedHome(folder);
  await writeFile(join(folder, "postgres", "docket-password"), "another\n");
  await expect(startEmbedded(folder, FAST)).rejects.toThrow("password authentication failed");
  await expect(stat(join(folder, "postgres", "postmaster.pid"))).rejects.toThrow("ENOENT");
});

test("says what to do where nothing can be written", async () => {
  const file = join(temporary, "file");
  await writeFile(file, "");
  await expect(startEmbedded(file, FAST)).rejects.toThrow(/^Docket cannot write to .*file \(EEXIST\).*DOCKET_HOME/);
});

const NAMELESS = { uid: 54321, gid: 54321 };
const mayBeNameless = process.getuid?.() === 0 && (await canReach(process.execPath, NAMELESS));

test.runIf(mayBeNameless)("says what to do for a user without a name or without the right to write", async () => {
  const [locked, owned] = [join(temporary, "locked"), join(temporary, "owned")];
  for (const home of [locked, owned]) await mkdir(home, { mode: 0o755 });
  await chown(owned, NAMELESS.uid, NAMELESS.gid);
  const program = `
    import { startEmbedded } from ${JSON.stringify(new URL("../../../src/db/embedded/start.ts", import.meta.url))};
    for (const home of ${JSON.stringify([locked, owned])}) await startEmbedded(home).catch((error) => console.log(error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], NAMELESS);
  expect(stdout).toContain(`Docket cannot write to ${locked} (EACCES)`);
  expect(stdout).toContain("PostgreSQL cannot make a database as user 54321, who has no name");
});

test("a database that has gone from its recorded place is not silently replaced by an empty one", async () => {
  await mkdir(folder);
  await writeFile(join(folder, "postgres-location"), "/nowhere/postgres\n");
  await expect(startEmbedded(folder, FAST)).rejects.toThrow("says that the database is in /nowhere/postgres");
});
