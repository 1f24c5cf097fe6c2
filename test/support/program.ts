import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian installs servers where a user's PATH may not lead. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];

/** Where a program of this machine is; undefined: it has none, and tests that need it are skipped. */
export const programNamed = (name: string): string | undefined =>
  FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
