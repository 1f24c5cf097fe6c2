import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exchange } from "./exchange.ts";
import type { RequestBytes } from "./request-bytes.ts";
import type { RequestScope } from "./request-scope.ts";
import type { Reader, UnreadBytes } from "./unread-bytes.ts";

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly scope: RequestScope;
  readonly unread: UnreadBytes;
  readonly requestBytes: RequestBytes;
  /** Milliseconds after which a caller that takes nothing of what waits is cut off. */
  readonly stallMs: number;
}

/** What waits to be read, and what is kept for it, is counted for its key. Thousands are kept by streams: it holds little. */
export class HttpExchange implements Exchange, Reader {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly scope: RequestScope;
  readonly #unread: UnreadBytes;
  readonly #requestBytes: RequestBytes;
  readonly #stallMs: number;
  #kept: (() => void)[] = [];

  constructor({ request, response, scope, unread, requestBytes, stallMs }: Asked) {
    this.request = request;
    this.response = response;
    this.scope = scope;
    this.#unread = unread;
    this.#requestBytes = requestBytes;
    this.#stallMs = stallMs;
  }

  /** Parsed each time: that costs less than to keep it for each stream. */
  get url(): URL {
    return urlAsked(this.request);
  }

  get owner(): string | null {
    return this.scope.authentication?.viewer.actor ?? null;
  }

  leave(): void {
    this.response.destroy();
  }

  destroy(): void {
    this.response.destroy();
  }

  unread(bytes: number): () => void {
    this.#endStalled();
    return this.#unread.add(this, bytes);
  }

  keep(bytes: number): void {
    if (this.owner !== null && !this.response.destroyed) this.#kept.push(this.#requestBytes.enter(this.owner, bytes));
  }

  release(): void {
    for (const countOff of this.#kept) countOff();
    this.#kept = [];
  }

  /** Its answer has left, or its caller has. */
  closed(): void {
    if (!this.response.writableFinished) this.scope.leave();
    this.#unread.drop(this);
    this.release();
  }

  /** For so long no byte that waits has left: the caller does not read, and the server would wait for it without end. */
  #endStalled(): void {
    const { response } = this;
    if (response.listenerCount("timeout") > 0) return;
    response.setTimeout(this.#stallMs, () => {
      if (response.writableLength > 0) response.destroy();
    });
  }
}

/** The address a request names, with nothing in it that a web Request would not take. */
export function urlAsked({ url = "/", headers }: IncomingMessage): URL {
  const asked = URL.parse(url, `http://${headers.host}`) ?? new URL("http://invalid/invalid");
  asked.username = "";
  asked.password = "";
  return asked;
}
