import { AsyncLocalStorage } from "node:async_hooks";
import { DocketError } from "../errors.ts";
import { Silence } from "./silence.ts";
import type { OnStatement } from "./timed.ts";

/** Why a request gets nothing more of the database, such as that it asked for too much. Its other statements fail with the same. */
export class RequestStopped extends DocketError {
  constructor(message: string, details: Record<string, unknown> = {}) {
    super("QUERY_TOO_COMPLEX", message, details);
  }
}

/** The caller went away. Work under way goes to its end, so that leaving costs no connection; nothing more begins. */
export class CallerGone extends RequestStopped {
  constructor() {
    super("The caller went away before it had its answer.");
  }
}

/** What an operation may cost, in entries of lists, and the path to the list that makes most of it; empty without lists. */
export interface Price {
  readonly nodes: number;
  readonly most: string;
  /** Its share of what an operation may cost: 0 to 1. */
  readonly share: number;
}

interface RequesterOptions {
  readonly limited?: boolean;
  readonly gone?: AbortSignal;
}

/**
 * For whom the pool works: one request, or one kind of background work. It travels beside the calls, so that Prisma's
 * statements count as well as our own.
 */
export class Requester {
  /** Requesters of one key share its turns. A symbol is nobody's API key. */
  key: string | symbol;
  /** Whether the limits on the work and the size of one request hold. */
  readonly limited: boolean;
  /** Why no more of its statements begin; null while it may go on. */
  stopped: RequestStopped | null = null;
  /** Sends away what it lets wait for its turn. */
  refuseWaiting: (reason: DocketError) => void = () => undefined;
  /** What it asks for, once that is known: to say where it may ask for less. */
  price: Price | null = null;
  /** Told of each statement that is sent for it. */
  onStatement: OnStatement | null = null;
  /** Whether something that it wrote is kept, whatever becomes of its answer. */
  wrote = false;
  /** For how long the database has said nothing to it. */
  readonly silence = new Silence();
  /** Bytes of the rows it has read. */
  bytes = 0;
  #connections = 0;
  #workedMs = 0;
  #workingSince = 0;
  #hasLeft = false;

  /** @param gone aborted when its caller went away. */
  constructor(key: string | symbol, { limited = true, gone }: RequesterOptions = {}) {
    this.key = key;
    this.limited = limited;
    gone?.addEventListener("abort", () => this.leave(), { once: true });
  }

  /** Whether its caller went away. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Connections in use. */
  get connections(): number {
    return this.#connections;
  }

  /** How long it has held connections so far, in milliseconds; several at once count once, waiting does not. */
  get workedMs(): number {
    return this.#workedMs + (this.#connections > 0 ? performance.now() - this.#workingSince : 0);
  }

  take(): void {
    if (this.#connections === 0) this.#workingSince = performance.now();
    this.#connections++;
  }

  giveBack(): void {
    const workedMs = this.workedMs;
    this.#connections--;
    if (this.#connections === 0) this.#workedMs = workedMs;
  }

  /** From here on it begins nothing more. */
  stop(reason: RequestStopped): void {
    this.stopped = reason;
    this.refuseWaiting(reason);
  }

  /** Its caller went away. */
  leave(): void {
    this.#hasLeft = true;
    this.stop(new CallerGone());
  }

  /** Counts a share of what another read for this one and others, and the time that took. */
  charge({ bytes, workedMs }: Requester, share: number): void {
    this.bytes += bytes * share;
    this.#workedMs += workedMs;
  }

  /** Begins to count anew: each frame of a subscription is a request of its own. */
  renew(): void {
    if (!this.#hasLeft) this.stopped = null;
    this.bytes = 0;
    this.#workedMs = 0;
    this.#workingSince = performance.now();
  }

  /** @throws RequestStopped when it went beyond a limit, or its caller away. */
  requireGoingOn(): void {
    if (this.stopped) throw this.stopped;
  }
}

const requesters = new AsyncLocalStorage<Requester>();

/** The requester of the current call; undefined at start-up and in programs that serve nobody. */
export function currentRequester(): Requester | undefined {
  return requesters.getStore();
}

/** Runs `work`, and all that follows from it, for the requester. */
export function asRequester<T>(requester: Requester, work: () => T): T {
  return requesters.run(requester, work);
}

/** Each frame is read for the request that opened the stream, whatever wakes it, and has that request's limits anew. */
export function asRequesterAnew<T>(requester: Requester | undefined, work: () => T): T {
  if (!requester) return work();
  requester.renew();
  return asRequester(requester, work);
}

/** Outside of every request, with all that travels beside the calls of one. */
export const outside = AsyncLocalStorage.snapshot();

/**
 * Runs work that belongs to no request, or to many at once, as a requester of its own: it takes turns like a key, so
 * that it neither starves nor is charged to the request that happened to set it off, nor ends it by a fault.
 * @param limited whether each piece of the work has the limits of one request
 */
export function background(name: string, { limited = false } = {}): <T>(work: () => T) => T {
  const key = Symbol(name);
  const requester = new Requester(key, { limited: false });
  return (work) => outside(() => asRequester(limited ? new Requester(key) : requester, work));
}
