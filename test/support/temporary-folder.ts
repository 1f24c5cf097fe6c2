import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { copyHome } from "./copy-folder.ts";

/** Makes an empty folder for a test. What the test leaves there, even a running server, goes when the run ends. */
export async function makeTemporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(inject("runFolder"), `${name}-`));
  // Under root PostgreSQL runs as another user, who must pass.
  await chmod(folder, 0o711);
  return folder;
}

/** Makes a Docket folder whose database is initialised and migrated: for tests of what comes after that, which takes long. */
export async function makeInitialisedHome(home: string): Promise<string> {
  await copyHome(inject("initialisedHome"), home);
  return home;
}
