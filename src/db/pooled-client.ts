import { connect } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { type OnStatement, timed } from "./timed.ts";

/** The code of PostgreSQL's protocol by which a connection asks to cancel the statement of another. */
const CANCEL_REQUEST = 80_877_102;
/** How long asking may take, in milliseconds. */
const PATIENCE_MS = 2_000;
/** Far more than are in use at once: the server keeps each statement, with its plan, until the connection ends. */
const MOST_PREPARED = 400;

/** A connection that says what it reads, and that can be cut off in the middle of a statement. */
export class PooledClient extends pg.Client {
  /** Told the size of each row as it comes, in bytes. */
  onRow: (bytes: number) => void = () => undefined;
  /** Who is told of each statement. */
  listener: () => OnStatement | null = () => null;
  /** The names of the statements that it has prepared. */
  readonly prepared = new Set<string>();
  /** When the server last said anything, in milliseconds of the process's clock. */
  heardAt = performance.now();
  #cancelRequest: Buffer | undefined;

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.query = timed(this.query, () => this.listener());
    this.connection.on("dataRow", ({ length }: { length: number }) => this.onRow(length));
    this.connection.on("backendKeyData", (key: { processID: number; secretKey: number }) => {
      const request = Buffer.alloc(16);
      [request.length, CANCEL_REQUEST, key.processID, key.secretKey].forEach((part, i) => {
        request.writeInt32BE(part, 4 * i);
      });
      this.#cancelRequest = request;
    });
  }

  /** Whether it has prepared so much by now, most of it no longer asked for, that a new connection takes less memory. */
  get full(): boolean {
    return this.prepared.size > MOST_PREPARED;
  }

  /** Ends the connection at once, and the statement that the server is busy with: it would not notice by itself. */
  cut(): void {
    // With a statement under way it does not say good-bye, and the pool does not take it back.
    this.end().catch(() => undefined);
    if (!this.#cancelRequest) return;
    const { host, port } = this;
    const socket = host.startsWith("/") ? connect(join(host, `.s.PGSQL.${port}`)) : connect(port, host);
    // The limit on statements ends it where this cannot.
    socket.on("error", () => undefined);
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.end(this.#cancelRequest);
  }
}
