import pg from "pg";
import { databaseUnavailable } from "../errors.ts";
import { DOCKET_ROLE } from "./docket-role.ts";
import { DISK_FULL, isConnectionLost } from "./faults.ts";
import { PooledClient } from "./pooled-client.ts";
import { currentRequester, Requester, type RequestStopped } from "./requester.ts";
import { answerTooLarge, LARGEST_ANSWER_BYTES, STATEMENT_MS, workedTooLong } from "./too-much.ts";
import { Turns } from "./turns.ts";

export interface PoolOptions {
  readonly url: string;
  /** Connections at most; callers beyond it wait for their turn. */
  readonly size: number;
  readonly applicationName: string;
  /** How long one request may hold connections, in seconds; 15 by default. */
  readonly requestSeconds?: number;
  /** How many times as long a statement, and each wait, may take, and as often is tried: more than 1 on a busy machine. */
  readonly patience?: number;
}

const REQUEST_SECONDS = 15;
/** How often requests that have worked for too long are looked for, in milliseconds. */
const LOOK_MS = 100;

/** Without a requester: start-up, or a program that serves nobody. */
const NOBODY = Symbol("nobody");

/** By their numbers in PostgreSQL. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  // bigint arrives as a number: positions, numbers and counters stay far below 2^53
  20: Number,
  // A date is its midnight UTC, as Prisma gives it, whatever the time zone of the process.
  1082: (text) => new Date(`${text}T00:00:00Z`),
};
const ownTypes = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    (format === "binary" ? undefined : PARSERS[oid]) ??
    pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** A connection in use. */
interface Lease {
  readonly requester: Requester;
  readonly giveBack: () => void;
  /** Whether the last statement may have been carried out by now. */
  kept: boolean;
}

/**
 * A pool that queues before it connects, in fair turns: `connectionTimeoutMillis` also limits the wait for a free slot,
 * so a burst of callers would otherwise fail. It also ends the work of requests that go beyond their limits. Prisma and
 * our own statements share it.
 */
export class FairPool extends pg.Pool {
  readonly #turns: Turns;
  readonly #leases = new Map<pg.PoolClient, Lease>();
  readonly #requestSeconds: number;
  readonly #look: NodeJS.Timeout;
  #diskFullAt = Number.NEGATIVE_INFINITY;

  constructor({ url, size, applicationName, requestSeconds = REQUEST_SECONDS, patience = 1 }: PoolOptions) {
    super({
      Client: PooledClient,
      connectionString: url,
      max: size,
      idleTimeoutMillis: 5 * 60_000,
      connectionTimeoutMillis: 2_000 * patience,
      query_timeout: 3_000 * patience,
      statement_timeout: STATEMENT_MS * patience,
      lock_timeout: 2_000 * patience,
      idle_in_transaction_session_timeout: 5_000 * patience,
      keepAlive: true,
      application_name: applicationName,
      // The drain must see what committed while it waited: a database that defaults to SERIALIZABLE would stop the log.
      // No statement runs for long enough to be worth compiling.
      options: `-c role=${DOCKET_ROLE} -c timezone=UTC -c default_transaction_isolation=read\\ committed -c jit=off`,
      types: ownTypes,
    });
    this.#turns = new Turns(size);
    this.#requestSeconds = requestSeconds;
    this.#look = setInterval(() => this.#stopThoseWhoWorkedTooLong(), LOOK_MS).unref();
    // A connection that breaks must not end the process, whether idle or, where pg-pool leaves it to us, in use: its
    // query fails, and the next one makes a new connection.
    this.on("error", () => undefined);
    this.on("connect", (client) => this.#watch(client));
    this.on("release", (_error, client) => {
      this.#leases.get(client)?.giveBack();
      this.#leases.delete(client);
    });
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(done: (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void): void;
  override connect(
    done?: (error: Error | undefined, client: pg.PoolClient | undefined, release: Release) => void,
  ): Promise<pg.PoolClient> | undefined {
    const connected = this.#lease(currentRequester() ?? new Requester(NOBODY, { limited: false }), () =>
      super.connect(),
    );
    if (!done) return connected;
    connected.then(
      (client) => done(undefined, client, client.release),
      (error: Error) => done(error, undefined, () => undefined),
    );
    return undefined;
  }

  override end(): Promise<void>;
  override end(done: () => void): void;
  override end(done?: () => void): Promise<void> | undefined {
    clearInterval(this.#look);
    if (!done) return super.end();
    super.end(done);
    return undefined;
  }

  /** A statement that is sent from here on is not cut off: it may be carried out before its answer comes. */
  keep(client: pg.PoolClient): void {
    const lease = this.#leases.get(client);
    if (lease) lease.kept = true;
  }

  /** How long ago the database last said that its disk is full, in milliseconds; Infinity: never. */
  get diskFullSinceMs(): number {
    return performance.now() - this.#diskFullAt;
  }

  async #lease(requester: Requester, connect: () => Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    const giveBack = await this.#turns.take(requester);
    const client = await connect().catch((error: unknown) => {
      giveBack();
      // Whatever the server has against a connection (it starts, it lets nobody in), there is no database now.
      throw isConnectionLost(error) ? error : databaseUnavailable(error);
    });
    this.#leases.set(client, { requester, giveBack, kept: false });
    if (!requester.stopped) return client;
    client.release();
    throw requester.stopped;
  }

  #watch(client: pg.PoolClient): void {
    client.on("error", () => undefined);
    client.connection.on("errorMessage", ({ code }: { code?: string }) => {
      if (code === DISK_FULL) this.#diskFullAt = performance.now();
    });
    if (client instanceof PooledClient) client.onRow = (bytes) => this.#count(client, bytes);
  }

  #count(client: pg.PoolClient, bytes: number): void {
    const requester = this.#leases.get(client)?.requester;
    if (!requester?.limited) return;
    requester.bytes += bytes;
    if (requester.bytes > LARGEST_ANSWER_BYTES && !requester.stopped) this.#stop(requester, answerTooLarge(requester));
  }

  #stopThoseWhoWorkedTooLong(): void {
    for (const { requester } of this.#leases.values())
      if (requester.limited && !requester.stopped && requester.workedMs > this.#requestSeconds * 1000)
        this.#stop(requester, workedTooLong(requester, this.#requestSeconds));
  }

  #stop(requester: Requester, reason: RequestStopped): void {
    requester.stop(reason);
    for (const [client, lease] of this.#leases)
      if (lease.requester === requester && !lease.kept && client instanceof PooledClient) client.cut();
  }
}

type Release = (release?: boolean | Error) => void;
