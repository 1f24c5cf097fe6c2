import { setTimeout as delay } from "node:timers/promises";
import type { GraphQLError } from "graphql";
import type { Exchange } from "../exchange.ts";
import { type PresentError, withoutStatus } from "../present-error.ts";
import { takeNoMoreRequests } from "../take-no-more-requests.ts";
import { FrameClient } from "./frame-client.ts";
import type { Rendering } from "./rendering.ts";
import { writeNow } from "./write-now.ts";

/** Milliseconds between the last frame of a stream that the server ends, and that end. */
const LAST_FRAME_MS = 100;

/** What server-sent events say of a stream beside its frames. */
interface Words {
  readonly hello: string;
  readonly goodbye: string;
}

/** A subscription over server-sent events: each frame is an event, with its cursor as `id`. */
export class EventFrames extends FrameClient {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, present: PresentError) {
    super(exchange.scope, present);
    this.#exchange = exchange;
  }

  /** Sends the frames after the head of the answer, from here on until the stream or the client ends. */
  run(answer: Response, { hello, goodbye }: Words): void {
    const { request, response } = this.#exchange;
    const cancel = () => void this.return();
    answer.headers.forEach((value, name) => void response.setHeader(name, value));
    response.statusCode = answer.status;
    if (response.destroyed) {
      cancel();
      return;
    }
    response.on("close", cancel);
    if (response.socket && takeNoMoreRequests(request)) response.setHeader("Connection", "close");
    response.flushHeaders();
    response.write(hello);
    const begin = () => this.start(() => void this.#end(goodbye));
    if (response.socket) begin();
    // Of several requests on one connection each has it when the answers before are through; what was written comes first.
    else response.once("socket", () => process.nextTick(begin));
  }

  async #end(goodbye: string): Promise<void> {
    const { response } = this.#exchange;
    // graphql-sse takes no notice of an end that comes with the last frame, and would wait for ever.
    if (this.comesBack) await delay(LAST_FRAME_MS);
    // After `complete` clients stop for good; after a stream that only ends they come back.
    else response.write(goodbye);
    response.end();
  }

  protected override write(rendering: Rendering, errors: readonly GraphQLError[]): boolean {
    const { response } = this.#exchange;
    const { socket } = response;
    // A client that went away in between is noticed by its close event.
    if (!socket || response.destroyed) return true;
    const { chunkedEncoding } = response;
    const made = (json: Buffer) => eventOf(json, rendering, chunkedEncoding);
    const bytes =
      errors.length > 0
        ? made(Buffer.from(JSON.stringify({ errors: errors.map(withoutStatus), ...rendering.answer })))
        : rendering.bytes(chunkedEncoding ? "SSE in chunks" : "SSE", made);
    return writeNow(
      socket,
      bytes,
      (size) => this.#exchange.unread(size),
      () => this.hasLeft(),
    );
  }
}

/** @param inChunk whether it is to be a chunk of HTTP/1.1. */
function eventOf(json: Buffer, { cursor, isShown }: Rendering, inChunk: boolean): Buffer {
  const head = `event: next\n${isShown ? `id: ${cursor}\n` : ""}data: `;
  const size = Buffer.byteLength(head) + json.length + END.length;
  const [before, after] = inChunk ? [`${size.toString(16)}\r\n`, "\r\n"] : ["", ""];
  return Buffer.concat([Buffer.from(before + head), json, END, Buffer.from(after)]);
}

const END = Buffer.from("\n\n");
