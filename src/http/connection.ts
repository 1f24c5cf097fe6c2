import type { Socket } from "node:net";
import { CloseCode } from "graphql-ws";
import type { WebSocket } from "ws";
import type { Authentication, Credentials } from "../keys/authenticate.ts";
import type { Sleeper, TimerWheel } from "../log/live/timer-wheel.ts";
import { writeNow } from "./live/write-now.ts";
import type { RequestScope } from "./request-scope.ts";
import type { Reader, UnreadBytes } from "./unread-bytes.ts";

interface ConnectionOptions {
  readonly socket: WebSocket;
  /** What the WebSocket runs over. */
  readonly transport: Socket;
  readonly credentials: Credentials;
  readonly tellCost: boolean;
  readonly unread: UnreadBytes;
  /** Wakes it to look after its other side. */
  readonly wheel: TimerWheel;
  /** Milliseconds after which a client that takes nothing of what waits is cut off. */
  readonly stallMs: number;
}

interface Operation {
  readonly scope: RequestScope;
  /** Whether the client still waits for something of it. */
  readonly isWanted: () => boolean;
}

/** Milliseconds that a client has to begin. */
const GREETING_MS = 3_000;
/** Milliseconds between pings; a connection that leaves one unanswered until the next is ended. */
const PING_MS = 12_000;
/** Close codes beside those of the protocol. Clients come back after each of them. */
export const SERVICE_RESTART = 1012;
export const TRY_AGAIN_LATER = 1013;
/** Bytes that a client may send before it has said who it is; a token is shorter. */
const MOST_GREETING_BYTES = 64 * 1024;
/** A WebSocket's close reason may have this many bytes. */
const LONGEST_REASON = 123;

/**
 * One WebSocket: what it is sent is counted, and has an end whatever the other side does. There are thousands: each
 * has as few timers, listeners and copies as it can.
 */
export class Connection implements Reader, Sleeper {
  readonly remoteAddress: string | undefined;
  credentials: Credentials;
  /** Whether answers are to say what they cost. */
  readonly tellCost: boolean;
  /** Who it is, once it has said so. */
  authentication: Authentication | null = null;
  /**
   * Messages that are not answered yet, or whose answer waits to be read, and what counts off the bytes of each. Open
   * streams have a limit of their own.
   */
  readonly underWay = new Map<RequestScope, () => void>();
  /** Operations by the protocol's id: those that are answered once, and those that stream. */
  readonly #operations = new Map<string, Operation>();
  /** What is held for as long as it is open. */
  readonly #held: (() => void)[] = [];
  readonly #socket: WebSocket;
  readonly #transport: Socket;
  readonly #unread: UnreadBytes;
  readonly #wheel: TimerWheel;
  /** Whether its client has begun. */
  #hasGreeted = false;
  /** Whether the last ping was answered. */
  #isAlive = true;
  #forgetGreeting: () => void;
  /** Why the client is to come back; null while it may stay. */
  #comingBack: string | null = null;

  constructor({ socket, transport, credentials, tellCost, unread, wheel, stallMs }: ConnectionOptions) {
    this.#socket = socket;
    this.#transport = transport;
    this.#unread = unread;
    this.#wheel = wheel;
    this.remoteAddress = credentials.address ?? transport.remoteAddress;
    this.credentials = credentials;
    this.tellCost = tellCost;
    // Broken frames and too large messages: ws closes the connection itself.
    socket.on("error", nothing);
    socket.on("pong", () => {
      this.#isAlive = true;
    });
    this.#forgetGreeting = this.#limitGreeting();
    wheel.sleep(this, GREETING_MS);
    // A closing handshake would wait as well.
    transport.setTimeout(stallMs);
    transport.on("timeout", () => {
      if (this.#socket.bufferedAmount > 0) this.destroy();
    });
  }

  get owner(): string | null {
    return this.authentication?.viewer.actor ?? null;
  }

  /** Calls `release` once it is closed. */
  untilClosed(release: () => void): void {
    if (this.#socket.readyState === this.#socket.CLOSED) release();
    else this.#held.push(release);
  }

  /** Nothing comes or goes any more. */
  closed(): void {
    this.#wheel.clear(this);
    for (const release of this.#held) release();
  }

  /** Its client has begun. */
  greeted(): void {
    this.#hasGreeted = true;
  }

  /** Ends it where its client does not begin, or does not answer. */
  wake(): void {
    this.#wheel.sleep(this, PING_MS);
    if (!this.#hasGreeted) this.close(CloseCode.ConnectionInitialisationTimeout, "Connection initialisation timeout");
    // Behind a backlog the last ping may not even have been sent.
    else if (this.#socket.bufferedAmount > 0) return;
    else if (!this.#isAlive) this.destroy();
    else {
      this.#isAlive = false;
      this.#socket.ping();
    }
  }

  /** Resolves once the text has left, or never will. */
  send(text: string): Promise<void> {
    // A client that went away in between is noticed by its close event.
    if (this.#socket.readyState !== this.#socket.OPEN) return Promise.resolve();
    return this.#sendBytes(Buffer.from(text));
  }

  /** A function of its own, so that nothing keeps the text as well while its bytes wait to be read. */
  #sendBytes(bytes: Buffer): Promise<void> {
    const left = this.#unread.add(this, bytes.length);
    return new Promise((resolve) =>
      this.#socket.send(bytes, { binary: false }, () => {
        left();
        resolve();
      }),
    );
  }

  /**
   * Sends a frame of the WebSocket that was made for many.
   * @returns whether it has left; if not, `left` is called once it has, or never will.
   */
  write(frame: Buffer, left: () => void): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return true;
    return writeNow(this.#transport, frame, (bytes) => this.#unread.add(this, bytes), left);
  }

  close(code: number, reason: string): void {
    const bytes = Buffer.from(reason).subarray(0, LONGEST_REASON);
    this.#socket.close(code, bytes.toString().replace(/\uFFFD$/, ""));
  }

  /** From here on the connection is counted with its key, and may send as much as any message needs. */
  authenticated(authentication: Authentication): void {
    this.authentication = authentication;
    this.#forgetGreeting();
    this.#forgetGreeting = nothing;
  }

  /** Whether a message is taken; it is under way then. */
  begin(scope: RequestScope): boolean {
    if (this.#comingBack !== null) return false;
    this.underWay.set(scope, () => undefined);
    return true;
  }

  /** @param release called once, when the message is answered or its stream is open. */
  keeps(scope: RequestScope, release: () => void): void {
    this.underWay.set(scope, release);
  }

  runs(id: string, operation: Operation): void {
    // The client has completed the operation of this id before.
    this.#operations.get(id)?.scope.leave();
    this.#operations.set(id, operation);
  }

  /** Whether the client has given the id to an operation after that of the scope. */
  hasAnother(id: string, scope: RequestScope): boolean {
    const operation = this.#operations.get(id);
    return operation !== undefined && operation.scope !== scope;
  }

  /** Ends the work for operations that the client waits for no more, and forgets those that are answered. */
  dropUnwanted(): void {
    for (const [id, { scope, isWanted }] of this.#operations) {
      if (isWanted()) continue;
      this.#operations.delete(id);
      scope.leave();
    }
  }

  answered(scope: RequestScope): void {
    this.underWay.get(scope)?.();
    this.underWay.delete(scope);
    this.#closeOnceAnswered();
  }

  /** Takes no more messages, and closes once those under way are answered; the client comes back by itself. */
  comeBack(reason: string): void {
    this.#comingBack = reason;
    this.#closeOnceAnswered();
  }

  leave(): void {
    this.close(TRY_AGAIN_LATER, "Too much that was sent to this key waits to be read. Read faster, and come back.");
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #closeOnceAnswered(): void {
    if (this.#comingBack !== null && this.underWay.size === 0) this.close(SERVICE_RESTART, this.#comingBack);
  }

  /** Until it is known who sends. @returns what ends that. */
  #limitGreeting(): () => void {
    const transport = this.#transport;
    const start = transport.bytesRead;
    const limit = () => {
      if (transport.bytesRead - start > MOST_GREETING_BYTES) this.destroy();
    };
    transport.on("data", limit);
    return () => void transport.off("data", limit);
  }
}

const nothing = () => undefined;
