import type { IncomingMessage, ServerResponse } from "node:http";
import { isStorable, NOT_STORABLE } from "../db/storable.ts";
import type { Credentials } from "../keys/authenticate.ts";
import { holdsSecret } from "../keys/redact.ts";
import { callerOf } from "./caller.ts";
import { sessionCookie } from "./cookies.ts";
import { mayUseCookie } from "./origin.ts";
import type { RequestScope } from "./request-scope.ts";

/** One HTTP request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly scope: RequestScope;
  /** Counts bytes that are about to be written, for the key that asked; call the answer once they have left. */
  unread(bytes: number): () => void;
  /** Counts bytes that are about to be kept until the answer has left, for the key that asks. @throws RATE_LIMITED */
  keep(bytes: number): void;
  /** Counts off what was kept: the answer has left, or is a stream that is open. */
  release(): void;
}

/** Answers an exchange; what it throws is answered with 500 and logged whole. */
export type Handler = (exchange: Exchange) => Promise<void> | void;

/** What is at one path. */
export interface Route {
  readonly methods: readonly string[];
  readonly answer: Handler;
}

/** The methods of what is only looked at. */
export const READS = ["GET", "HEAD"];

/** More than any request of a client needs. */
export const MOST_BODY_BYTES = 1024 * 1024;

/** The answer to a request that was refused before it reached its handler. */
export class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * The whole body. Until it is called no more of it is taken in than fits a socket's buffer: find out first who asks.
 * What is announced counts for its key from then on, anything else as it comes.
 * @throws HttpRefusal 413 beyond `most` bytes, whatever its announced length; RATE_LIMITED.
 */
export function readBody(exchange: Pick<Exchange, "request" | "keep">, most = MOST_BODY_BYTES) {
  const { request } = exchange;
  return new Promise<Buffer>((resolve, reject) => {
    // The caller went away in the middle; nobody reads this any more.
    const leave = () => reject(new HttpRefusal(400, "The request ended before its body did."));
    if (request.destroyed) return leave();
    let counted = 0;
    /** Whether a body of this size is taken. */
    const take = (size: number) => {
      try {
        if (size > most) throw new HttpRefusal(413, `The request is larger than ${most} bytes: send less at once.`);
        if (size > counted) exchange.keep(size - counted);
        counted = Math.max(size, counted);
        return true;
      } catch (refusal) {
        // The rest of the body is thrown away, so that the caller reads the refusal instead of a broken connection.
        request.removeAllListeners("data").resume();
        reject(refusal);
        return false;
      }
    };
    if (!take(Number(request.headers["content-length"] ?? 0))) return;
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (take(size)) chunks.push(chunk);
    });
    request.on("end", () => {
      // Every request closes: whoever left then has sent all.
      request.off("close", leave);
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    request.on("error", reject);
    request.on("close", leave);
  });
}

/**
 * What the request brings along to say who asks.
 * @throws HttpRefusal 403 for a cookie that a foreign page may have caused to be sent; 400 for a bad client id.
 */
export function credentialsOf(request: IncomingMessage): Credentials {
  const client = request.headers["docket-client-id"];
  const { authorization = null } = request.headers;
  const session = authorization === null ? sessionCookie(request) : null;
  const fault = typeof client === "string" && clientIdFault(client);
  if (fault) throw new HttpRefusal(400, `Docket-Client-Id ${fault}`);
  if (session !== null && !mayUseCookie(request)) throw new HttpRefusal(403, FOREIGN_PAGE);
  return {
    authorization,
    session,
    client: typeof client === "string" && client !== "" ? client : null,
    address: callerOf(request).address,
  };
}

/** Whether the caller wants to know what its operations cost; of a WebSocket, the request that opened it says so. */
export const asksCost = ({ headers }: IncomingMessage) => headers["docket-cost"] === "1";

/** It stands in every event and attempt of its session. */
const LONGEST_CLIENT_ID = 200;

/** What is wrong with the name of a session, from the header or a WebSocket's parameters; undefined when nothing is. */
export function clientIdFault(client: string): string | undefined {
  if (client.length > LONGEST_CLIENT_ID) return `has ${client.length} characters; ${LONGEST_CLIENT_ID} at most.`;
  if (holdsSecret(client)) return "looks like a secret, and everybody who reads the project sees it: send a name.";
  return isStorable(client) ? undefined : `${NOT_STORABLE}.`;
}

const FOREIGN_PAGE =
  "A signed-in browser may call this server from its own pages only: Origin must equal Host. " +
  "A proxy in front of it has to pass the Host header on; other programs use an API key.";

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(text);
}

/** @param policy the page's own Content-Security-Policy; frames are refused everywhere. */
export function sendHtml(response: ServerResponse, status: number, html: string | Buffer, policy: string) {
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": `${policy}; frame-ancestors 'none'`,
    "Content-Length": Buffer.byteLength(html),
    "Cache-Control": "no-store",
  });
  response.end(html);
}

export function redirect(response: ServerResponse, location: string, headers: Record<string, string> = {}) {
  response.writeHead(303, { Location: location, "Cache-Control": "no-store", ...headers }).end();
}
