import pg from "pg";
import { databaseUnavailable } from "../errors.ts";
import { type Asking, Askings } from "./asking.ts";
import { DOCKET_ROLE } from "./docket-role.ts";
import { DISK_FULL, isConnectionLost } from "./faults.ts";
import { PooledClient } from "./pooled-client.ts";
import { currentRequester, Requester, type RequestStopped } from "./requester.ts";
import { type OnStatement, toAll } from "./timed.ts";
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
/** How often requests that have worked, or waited, for too long are looked for, in milliseconds. */
const LOOK_MS = 100;

/** A connection that fails, and had said nothing for so long, makes those doubtful that said nothing either. */
const UNTRUSTED_MS = 2_000;
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
  readonly asking: Asking;
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
  /** Told of each statement. */
  onStatement: OnStatement | null = null;
  readonly #turns: Turns;
  readonly #leases = new Map<pg.PoolClient, Lease>();
  readonly #askings: Askings;
  /** When the database last said anything, in milliseconds of the process's clock. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Idle connections that last said something before are not trusted: one like them was silent when it was asked. */
  #trustedFrom = Number.NEGATIVE_INFINITY;
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
    this.#askings = new Askings(patience);
    this.#look = setInterval(() => {
      this.#stopThoseWhoWorkedTooLong();
      this.#askings.giveUpOnSilence(this.#heardAt);
    }, LOOK_MS).unref();
    // A connection that breaks must not end the process, whether idle or, where pg-pool leaves it to us, in use: its
    // query fails, and the next one makes a new connection.
    this.on("error", () => undefined);
    this.on("connect", (client) => this.#watch(client));
    this.on("release", (error, client) => {
      const lease = this.#leases.get(client);
      if (!lease) return;
      if (error && performance.now() - heardAt(client) > UNTRUSTED_MS)
        this.#trustedFrom = performance.now() - UNTRUSTED_MS;
      this.#leases.delete(client);
      this.#askings.ended(lease.asking);
      lease.giveBack();
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

  /** Connections in use. */
  get busy(): number {
    return this.#leases.size;
  }

  /** Calls that wait for their turn; the pool's own count is of those that had theirs. */
  get waiting(): number {
    return this.#askings.waiting;
  }

  /** How long ago the database last said anything, in milliseconds; Infinity: not yet. */
  get heardSinceMs(): number {
    return performance.now() - this.#heardAt;
  }

  async #lease(requester: Requester, connect: () => Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    const asking = this.#askings.begin(requester);
    const giveBack = await this.#turns.take(requester).catch((error: unknown) => {
      this.#askings.ended(asking);
      throw error;
    });
    asking.served = true;
    // Others may have been served while it waited its turn.
    requester.silence.heard(this.#heardAt);
    const client = await this.#connected(asking, connect, giveBack);
    this.#leases.set(client, { requester, asking, giveBack, kept: false });
    asking.giveUp = () => client instanceof PooledClient && client.cut();
    if (!requester.stopped) return client;
    client.release();
    throw requester.stopped;
  }

  /** A connection that may be trusted. Its place is free only once there is one, or none will come. */
  #connected(asking: Asking, connect: () => Promise<pg.PoolClient>, giveBack: () => void): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      let givenUp = false;
      asking.giveUp = (reason) => {
        givenUp = true;
        reject(reason);
      };
      const trusted = async (): Promise<pg.PoolClient> => {
        const client = await connect();
        if (heardAt(client) >= this.#trustedFrom) return client;
        client.release(true);
        return await trusted();
      };
      trusted().then(
        (client) => {
          if (!givenUp) return resolve(client);
          client.release();
          this.#askings.ended(asking);
          giveBack();
        },
        (error: unknown) => {
          this.#askings.ended(asking);
          giveBack();
          // Whatever the server has against a connection (it starts, it lets nobody in), there is no database now.
          reject(isConnectionLost(error) ? error : databaseUnavailable(error));
        },
      );
    });
  }

  #watch(client: pg.PoolClient): void {
    client.on("error", () => undefined);
    const heard = () => {
      this.#heardAt = performance.now();
      if (client instanceof PooledClient) client.heardAt = this.#heardAt;
      this.#leases.get(client)?.requester.silence.heard(this.#heardAt);
    };
    heard();
    client.connection.stream.on("data", heard);
    client.connection.on("errorMessage", ({ code }: { code?: string }) => {
      if (code === DISK_FULL) this.#diskFullAt = performance.now();
    });
    if (!(client instanceof PooledClient)) return;
    client.onRow = (bytes) => this.#count(client, bytes);
    client.listener = () => {
      const own = this.#leases.get(client)?.requester.onStatement;
      return own ? toAll([this.onStatement, own]) : this.onStatement;
    };
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

const heardAt = (client: pg.PoolClient) => (client instanceof PooledClient ? client.heardAt : performance.now());

type Release = (release?: boolean | Error) => void;
