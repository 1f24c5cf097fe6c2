import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import { asRequester, Requester } from "../db/requester.ts";
import type { Authentication } from "../keys/authenticate.ts";
import { holdsSecret } from "../keys/redact.ts";
import type { OpenSpan } from "./traces/open-span.ts";

/**
 * What belongs to one request, or one operation of a WebSocket. It travels beside the calls, so that an error found
 * deep inside a stream still names the request it belongs to.
 */
export interface RequestScope {
  /** In the answer's X-Request-Id, in every event the request causes, and in the log. */
  readonly requestId: string;
  /** For whom the database works. */
  readonly requester: Requester;
  /** When it began, by the process's monotonic clock, in milliseconds. */
  readonly startedAt: number;
  /** Aborted when its caller goes away before the answer is complete: what waits for its turn is sent away. */
  readonly gone: AbortSignal;
  /** To be called when it does. */
  leave(): void;
  /** Ends the connection it came by, after a fault that nobody handled. */
  readonly hangUp: () => void;
  /** Who asks, once that is known. */
  authentication: Authentication | null;
  /** The path of the route that answers, once that is known; one with parameters as it is described, as these may hold anything. */
  path: string | null;
  /** The GraphQL operation, once that is known: its name, else its kind. */
  operation: string | null;
  /** The root fields that it asked for, once they are known. */
  fields: readonly string[];
  /** Whether it is a subscription. */
  streams: boolean;
  /** The code of the first error, if there was one. */
  code: string | null;
  /** Its span, while that is open; null where it is not traced. */
  trace: OpenSpan | null;
}

const scopes = new AsyncLocalStorage<RequestScope>();

/** What callers may send as their own X-Request-Id. */
const REQUEST_ID = /^[\w.:-]{1,100}$/;

/** It is kept in events for ever, where everybody of the project can read it. */
const mayBeRequestId = (text: string) => REQUEST_ID.test(text) && !holdsSecret(text);

export function openScope(hangUp: () => void, requestId?: string): RequestScope {
  return new Scope(requestId !== undefined && mayBeRequestId(requestId) ? requestId : newRequestId(), hangUp);
}

/** Node puts a UUID together from pieces that are all kept with it, and thousands of streams keep theirs for hours. */
const newRequestId = () => Buffer.from(randomUUID()).toString("latin1");

class Scope implements RequestScope {
  readonly requestId: string;
  readonly requester = new Requester(STRANGER);
  readonly startedAt = performance.now();
  readonly hangUp: () => void;
  authentication: Authentication | null = null;
  path: string | null = null;
  operation: string | null = null;
  fields: readonly string[] = NO_FIELDS;
  streams = false;
  code: string | null = null;
  trace: OpenSpan | null = null;
  /** Made for the first that asks: few do. */
  #caller: AbortController | undefined;

  constructor(requestId: string, hangUp: () => void) {
    this.requestId = requestId;
    this.hangUp = hangUp;
  }

  get gone(): AbortSignal {
    if (!this.#caller) {
      this.#caller = new AbortController();
      if (this.requester.hasLeft) this.#caller.abort();
    }
    return this.#caller.signal;
  }

  leave(): void {
    this.requester.leave();
    this.#caller?.abort();
  }
}

const NO_FIELDS: readonly string[] = [];

/** Callers of whom nothing is known yet take their turns as one. */
const STRANGER = Symbol("stranger");

/** Says who asks, once that is known. */
export function identify(scope: RequestScope, authentication: Authentication): void {
  scope.authentication = authentication;
  scope.requester.key = authentication.viewer.actor;
}

/** Runs `work`, and all that follows from it, in the scope. */
export function inScope<T>(scope: RequestScope, work: () => T): T {
  return scopes.run(scope, () => asRequester(scope.requester, work));
}

export function currentScope(): RequestScope | undefined {
  return scopes.getStore();
}
