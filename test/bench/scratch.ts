import { join } from "node:path";
import type { ScratchDatabase } from "../../bench/scratch-database.ts";
import { builtDocket } from "../support/built-docket.ts";
import { createTestDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

/** What a benchmark needs, on the PostgreSQL of the tests, migrated as it would be first. `drop` fails when a connection was left open. */
export async function makeTestScratch(name: string): Promise<ScratchDatabase> {
  const { ownerUrl: url, drop } = await createTestDatabase();
  const folder = await makeTemporaryFolder(name);
  return { url, folder, home: join(folder, "home"), docket: await builtDocket(), embedded: undefined, drop };
}
