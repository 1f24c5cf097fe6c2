import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";

/** Makes an empty folder for a test. What the test leaves there, even a running server, goes when the run ends. */
export async function makeTemporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(inject("runFolder"), `${name}-`));
  // Under root PostgreSQL runs as another user, who must pass.
  await chmod(folder, 0o711);
  return folder;
}
