import { cp } from "node:fs/promises";
import { join } from "node:path";
import { makeBundle } from "../../pack/bundle.ts";
import packageJson from "../../package.json" with { type: "json" };
import { PACKAGE_ROOT } from "../../src/config/package-root.ts";

/** What npm packs whatever `files` says. */
const ALWAYS = ["package.json", "README.md", "LICENSE"];

/** Lays out in a folder what `npm pack` would take of this one after `npm run build`, built from the sources as they are. */
export async function stagePackage(folder: string): Promise<void> {
  const copied = [...ALWAYS, ...packageJson.files.filter((file) => file !== "dist")];
  await Promise.all([
    makeBundle(join(folder, "dist")),
    ...copied.map((file) => cp(join(PACKAGE_ROOT, file), join(folder, file), { recursive: true })),
  ]);
}
