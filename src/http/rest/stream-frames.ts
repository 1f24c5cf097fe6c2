import type { GraphQLError } from "graphql";
import { keptFor } from "../../kept-for.ts";
import type { Exchange } from "../exchange.ts";
import { FrameClient } from "../live/frame-client.ts";
import type { Rendering } from "../live/rendering.ts";
import { writeNow } from "../live/write-now.ts";
import type { PresentError } from "../present-error.ts";
import { takeNoMoreRequests } from "../take-no-more-requests.ts";
import type { FailureToSend } from "./failure.ts";
import type { StreamRoute } from "./route.ts";

/** A heartbeat comes so often, in milliseconds; where nothing happens by the frames, which are empty every 15 seconds. */
const HEARTBEAT_MS = 30_000;
const EMPTY_FRAMES = 2;

/** The events of a stream route as server-sent events, one each, with their own cursors as ids. */
export class StreamFrames extends FrameClient {
  readonly #exchange: Exchange;
  readonly #route: StreamRoute;
  readonly #failure: (error: GraphQLError) => FailureToSend;
  #beatAt = performance.now();
  /** The first frame is there at once. */
  #emptySince = -1;

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
    const [failed] = errors;
    const bytes = failed
      ? framed(eventText("error", JSON.stringify(this.#failure(failed).body)), chunkedEncoding)
      : this.#bytes(rendering, chunkedEncoding);
    return writeNow(
      socket,
      bytes,
      (size) => this.#exchange.unread(size),
      () => this.hasLeft(),
    );
  }

  #bytes(rendering: Rendering, inChunks: boolean): Buffer {
    const events = textOf(rendering, this.#route);
    const beat = this.#beat(events === "");
    const { cursor } = rendering;
    // The place after the frame may lie behind its last event. As an id alone it makes no event in a browser.
    const end = beat ? eventText("heartbeat", "{}", cursor) : `id: ${cursor}\n\n`;
    return rendering.bytes(`REST${beat ? " beats" : ""}${inChunks ? " in chunks" : ""}`, () =>
      framed(events + end, inChunks),
    );
  }

  /** Whether it is time for a heartbeat. */
  #beat(isEmpty: boolean): boolean {
    const now = performance.now();
    if (isEmpty) this.#emptySince += 1;
    if (this.#emptySince < EMPTY_FRAMES && now - this.#beatAt < HEARTBEAT_MS) return false;
    this.#beatAt = now;
    this.#emptySince = 0;
    return true;
  }
}

/** The events of a frame, put into words once for all clients. */
const textOf = keptFor(({ answer }: Rendering, route: StreamRoute) =>
  route
    .events(answer.data)
    .map(({ type, cursor, data }) => eventText(type, JSON.stringify(data), cursor))
    .join(""),
);

const eventText = (type: string, data: string, id?: string) =>
  `event: ${type}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;

/** @param inChunk whether it is to be a chunk of HTTP/1.1. */
function framed(text: string, inChunk: boolean): Buffer {
  const bytes = Buffer.from(text);
  if (!inChunk) return bytes;
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}
