import type { GraphQLError } from "graphql";
import type { Exchange } from "../exchange.ts";
import { FrameClient } from "../live/frame-client.ts";
import type { Rendering } from "../live/rendering.ts";
import { writeNow } from "../live/write-now.ts";
import type { PresentError } from "../present-error.ts";
import { takeNoMoreRequests } from "../take-no-more-requests.ts";
import type { FailureToSend } from "./failure.ts";
import type { StreamRoute } from "./route.ts";

/** Milliseconds between two heartbeats. An empty frame comes every 15 seconds, and each second one is a heartbeat. */
const HEARTBEAT_MS = 29_500;

/** The events of a stream route as server-sent events, one each, with their own cursors as ids. */
export class StreamFrames extends FrameClient {
  readonly #exchange: Exchange;
  readonly #route: StreamRoute;
  readonly #failure: (error: GraphQLError) => FailureToSend;
  #beatAt = performance.now();

  constructor(
    exchange: Exchange,
    present: PresentError,
    route: StreamRoute,
    failure: (error: GraphQLError) => FailureToSend,
  ) {
    super(exchange.scope, present);
    this.#exchange = exchange;
    this.#route = route;
    this.#failure = failure;
  }

  /** Sends what comes from here on until the stream or the client ends. */
  run(comeBackMs: number): void {
    const { request, response } = this.#exchange;
    const cancel = () => void this.return();
    if (response.destroyed) {
      cancel();
      return;
    }
    response.on("close", cancel);
    response.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // nginx would keep events back until its buffer is full.
      "X-Accel-Buffering": "no",
      ...(response.socket && takeNoMoreRequests(request) && { Connection: "close" }),
    });
    response.write(`retry: ${comeBackMs}\n\n`);
    // A server that stops ends its streams so that clients come back: where they stand, they know by the last id.
    const begin = () => this.start(() => void response.end());
    if (response.socket) begin();
    // Of several requests on one connection each has it when the answers before are through.
    else response.once("socket", () => process.nextTick(begin));
  }

  protected override write(rendering: Rendering, errors: readonly GraphQLError[]): boolean {
    const { response } = this.#exchange;
    const { socket, chunkedEncoding } = response;
    // A client that went away in between is noticed by its close event.
    if (!socket || response.destroyed) return true;
    const beat = this.#beat();
    const [failed] = errors;
    const bytes = failed
      ? framed(Buffer.from(eventText("error", JSON.stringify(this.#failure(failed).body))), chunkedEncoding)
      : rendering.bytes(`REST ${beat} ${chunkedEncoding}`, () => framed(this.#text(rendering, beat), chunkedEncoding));
    return writeNow(
      socket,
      bytes,
      (size) => this.#exchange.unread(size),
      () => this.hasLeft(),
    );
  }

  /** Whether it is time for a heartbeat. */
  #beat(): boolean {
    const now = performance.now();
    if (now - this.#beatAt < HEARTBEAT_MS) return false;
    this.#beatAt = now;
    return true;
  }

  #text({ answer, cursor }: Rendering, beat: boolean): Buffer {
    const events = this.#route
      .events(answer.data)
      .map(({ type, cursor: id, data }) => eventText(type, JSON.stringify(data), id));
    // The place after the frame may lie behind its last event. It is an id alone, which makes no event in a browser.
    const end = beat ? eventText("heartbeat", "{}", cursor) : `id: ${cursor}\n\n`;
    return Buffer.from(events.join("") + end);
  }
}

const eventText = (type: string, data: string, id?: string) =>
  `event: ${type}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;

/** @param inChunk whether it is to be a chunk of HTTP/1.1. */
function framed(text: Buffer, inChunk: boolean): Buffer {
  if (!inChunk) return text;
  return Buffer.concat([Buffer.from(`${text.length.toString(16)}\r\n`), text, Buffer.from("\r\n")]);
}
