import { once } from "node:events";
import { connect, type Socket } from "node:net";

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const END_OF_CHUNKS = Buffer.from("0\r\n\r\n");
const ERRORS = Buffer.from('"errors"');

/** An answer, complete. */
export class HttpResponse {
  readonly #whole: Buffer;
  readonly #bodyAt: number;

  constructor(whole: Buffer, bodyAt: number) {
    this.#whole = whole;
    this.#bodyAt = bodyAt;
  }

  get failed(): boolean {
    return this.#whole.toString("latin1", 9, 12) !== "200" || this.#whole.includes(ERRORS, this.#bodyAt);
  }

  get text(): string {
    return this.#whole.toString("utf8", this.#bodyAt);
  }
}

/**
 * One connection that is kept alive, with one request at a time on it. It reads no more of HTTP than a length, so that it
 * costs less than the server that it asks.
 */
export class Connection {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #received = 0;
  /** Undefined until the head is complete. */
  #expected: number | undefined;
  #bodyAt = 0;
  #waiting: { resolve: (answer: HttpResponse) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("The server closed a connection.")));
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new Connection(socket);
  }

  get closed(): boolean {
    return this.#socket.destroyed || !this.#socket.writable;
  }

  /** @throws Error when the connection is lost. */
  send(request: string): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#received += chunk.length;
    if (this.#expected === undefined) this.#readHead();
    if (this.#expected === undefined) return;
    if (this.#received >= this.#expected) this.#answer();
  }

  #readHead(): void {
    const soFar = this.#joined();
    const at = soFar.indexOf(END_OF_HEAD);
    if (at < 0) return;
    this.#bodyAt = at + END_OF_HEAD.length;
    const head = soFar.toString("latin1", 0, at);
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    if (length !== undefined) this.#expected = this.#bodyAt + Number(length);
    // In chunks; nothing here answers in several.
    else if (soFar.subarray(-END_OF_CHUNKS.length).equals(END_OF_CHUNKS)) this.#expected = soFar.length;
  }

  #answer(): void {
    const answer = new HttpResponse(this.#joined(), this.#bodyAt);
    const { resolve } = this.#waiting ?? {};
    this.#waiting = undefined;
    this.#parts = [];
    this.#received = 0;
    this.#expected = undefined;
    resolve?.(answer);
  }

  #joined(): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && this.#parts.length === 1) return first;
    const whole = Buffer.concat(this.#parts);
    this.#parts = [whole];
    return whole;
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
