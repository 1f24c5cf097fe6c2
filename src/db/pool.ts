import pg from "pg";
import { DOCKET_ROLE } from "./docket-role.ts";

export interface PoolOptions {
  readonly url: string;
  /** Connections at most; callers beyond it wait in our own queue. */
  readonly size: number;
  readonly applicationName: string;
}

const INT8 = 20;
const numbersTypes = {
  // bigint arrives as a number: positions, numbers and counters stay far below 2^53
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 && format !== "binary"
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * A pool that queues before it connects: `connectionTimeoutMillis` also limits the wait for a free slot, so a burst of
 * callers would otherwise fail. Prisma and our own statements share it.
 */
export class QueueingPool extends pg.Pool {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor({ url, size, applicationName }: PoolOptions) {
    super({
      connectionString: url,
      max: size,
      idleTimeoutMillis: 5 * 60_000,
      connectionTimeoutMillis: 2_000,
      query_timeout: 3_000,
      statement_timeout: 2_500,
      lock_timeout: 2_000,
      idle_in_transaction_session_timeout: 5_000,
      keepAlive: true,
      application_name: applicationName,
      // The drain must see what committed while it waited: a database that defaults to SERIALIZABLE would stop the log.
      options: `-c role=${DOCKET_ROLE} -c timezone=UTC -c default_transaction_isolation=read\\ committed`,
      types: numbersTypes,
    });
    this.#free = size;
    // A connection that breaks must not end the process, whether idle or, where pg-pool leaves it to us, in use: its
    // query fails, and the next one makes a new connection.
    this.on("error", () => undefined);
    this.on("connect", (client) => client.on("error", () => undefined));
    this.on("release", () => this.#leave());
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(done: (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void): void;
  override connect(
    done?: (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void,
  ): Promise<pg.PoolClient> | undefined {
    const connected = this.#enter().then(() =>
      super.connect().catch((error: unknown) => {
        this.#leave();
        throw error;
      }),
    );
    if (!done) return connected;
    connected.then(
      (client) => done(undefined, client, client.release),
      (error: Error) => done(error, undefined, () => undefined),
    );
    return undefined;
  }

  #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

type Release = (release?: boolean | Error) => void;
