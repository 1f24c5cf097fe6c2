import type { Config } from "../config/config.ts";
import { hasCluster } from "../db/embedded/cluster.ts";
import { type EmbeddedServer, startEmbedded } from "../db/embedded/start.ts";
import { errorCode, NO_SUCH_DATABASE } from "../db/faults.ts";

export function explainMissingDatabase(error: unknown): never {
  if (errorCode(error) !== NO_SUCH_DATABASE || !(error instanceof Error)) throw error;
  throw new Error(`${error.message}\nTo create the database: npx docket migrate --create`, { cause: error });
}

interface FoundDatabase {
  readonly url: string;
  readonly ownerUrl: string;
  /** For a person, without the password. */
  readonly place: string;
  /** The one that `url` leads to, unless it is somebody else's to run. */
  readonly embedded?: EmbeddedServer;
}

/** @param create whether the embedded database may be made: an empty one that nobody asked for would look like good news. */
export async function findDatabase(
  { database, home }: Config,
  running: AsyncDisposableStack,
  { create = false }: { readonly create?: boolean } = {},
): Promise<FoundDatabase> {
  if (database.url !== null) {
    const { hostname, port, pathname, searchParams } = new URL(database.url);
    const host = searchParams.get("host") ?? `${hostname}:${port || 5432}`;
    return {
      url: database.url,
      ownerUrl: database.ownerUrl ?? database.url,
      place: `PostgreSQL at ${host}, database ${decodeURIComponent(pathname.slice(1))}`,
    };
  }
  if (!create && !(await hasCluster(home)))
    throw new Error(
      `There is no database in ${home}. Run this in the folder where the server is started, set DOCKET_HOME to ` +
        "the server's, or DATABASE_URL (and DATABASE_OWNER_URL) to the PostgreSQL that it uses.",
    );
  const embedded = await startEmbedded(home);
  running.defer(() => embedded.stop());
  return { url: embedded.url, ownerUrl: embedded.ownerUrl, place: `PostgreSQL of its own, in ${home}`, embedded };
}
