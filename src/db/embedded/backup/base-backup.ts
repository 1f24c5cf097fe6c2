import { Readable } from "node:stream";
import type { Client, Connection, Submittable } from "pg";

/** A piece of what the server sends: of the archive, a tar with the data folder, or after it of its manifest. */
export interface Piece {
  readonly of: "archive" | "manifest";
  readonly bytes: Buffer;
}

/**
 * The manifest lists each file with its SHA-256. The log that was written meanwhile goes with it: without that, what was
 * copied while writes went on is no database.
 */
const COMMAND = `BASE_BACKUP (LABEL 'docket', CHECKPOINT 'fast', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`;
/** Keeps the log from being cleared away for as long as this connection lives. */
const KEEP_LOG = "CREATE_REPLICATION_SLOT docket_backup TEMPORARY PHYSICAL (RESERVE_WAL)";
const SLOT_TAKEN = "42710";

const [NEW_ARCHIVE, MANIFEST, DATA] = ["n", "m", "d"].map((letter) => letter.charCodeAt(0));

/**
 * PostgreSQL's own online backup over a connection with `replication=database`.
 * @throws Error while it is read, when the server refuses it or goes away.
 */
export async function baseBackup(client: Client): Promise<Readable> {
  await client.query(KEEP_LOG).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === SLOT_TAKEN)) throw error;
    throw new Error("Another backup of this database is under way. Wait for it to end.", { cause: error });
  });
  return client.query(new BaseBackup()).pieces;
}

/** What `pg` calls back for a statement of ours; the stream of the connection is held while nobody reads. */
class BaseBackup implements Submittable {
  readonly pieces: Readable;
  #connection: Connection | undefined;
  #of: Piece["of"] = "archive";

  constructor() {
    this.pieces = new Readable({
      objectMode: true,
      read: () => void this.#connection?.stream.resume(),
      destroy: (error, done) => {
        // Otherwise a server that still sends would wait for a reader.
        if (error) this.#connection?.stream.destroy();
        done(error);
      },
    });
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.query(COMMAND);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const kind = chunk[0];
    const content = chunk.subarray(1);
    if (kind === NEW_ARCHIVE) this.#refuseTablespace(content);
    if (kind === MANIFEST) this.#of = "manifest";
    // Others tell of the progress.
    if (kind !== DATA) return;
    const piece: Piece = { of: this.#of, bytes: Buffer.from(content) };
    if (!this.pieces.push(piece)) this.#connection?.stream.pause();
  }

  handleError(error: Error): void {
    this.pieces.destroy(error);
  }

  handleReadyForQuery(): void {
    this.pieces.push(null);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}

  /** The archive of the data folder itself has a name, and no path. */
  #refuseTablespace(content: Buffer): void {
    const [, path] = content.toString().split("\0");
    if (path)
      this.pieces.destroy(
        new Error(`The database has a tablespace in ${path}, outside its folder. Back it up with pg_dump instead.`),
      );
  }
}
