import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** With owners and rights, as PostgreSQL insists on those of its data. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)("cp", ["-a", from, to]);
}

/** Copies a Docket folder that is not in use; nothing when its data had to be put elsewhere, where it has no copy. */
export async function copyHome(from: string, to: string): Promise<void> {
  const elsewhere = await access(join(from, "postgres-location")).then(
    () => true,
    () => false,
  );
  if (!elsewhere) await copyFolder(from, to);
}
