import type { GraphQLError } from "graphql";
import { MessageType } from "graphql-ws";
import type { Connection } from "../connection.ts";
import { type PresentError, withoutStatus } from "../present-error.ts";
import type { RequestScope } from "../request-scope.ts";
import { FrameClient } from "./frame-client.ts";
import type { Rendering } from "./rendering.ts";

/** A subscription of a WebSocket: each frame is the protocol's message `next` of its id, as a frame of the WebSocket. */
export class SocketFrames extends FrameClient {
  readonly #connection: Connection;
  readonly #id: string;

  constructor(connection: Connection, id: string, scope: RequestScope, present: PresentError) {
    super(scope, present);
    this.#connection = connection;
    this.#id = id;
  }

  protected override write(rendering: Rendering, errors: readonly GraphQLError[]): boolean {
    const bytes =
      errors.length > 0
        ? this.#message(Buffer.from(JSON.stringify({ ...rendering.answer, errors: errors.map(withoutStatus) })))
        : rendering.bytes(`WS ${this.#id}`, (json) => this.#message(json));
    return this.#connection.write(bytes, () => this.hasLeft());
  }

  #message(payload: Buffer): Buffer {
    return textFrame(
      Buffer.from(`{"id":${JSON.stringify(this.#id)},"type":"${MessageType.Next}","payload":`),
      payload,
      END,
    );
  }
}

const END = Buffer.from("}");
/** The first byte of a text that is whole. */
const TEXT = 0x81;
/** What stands in the second byte where the length follows in two bytes, or in eight. */
const LENGTH_OF_2 = 126;
const LENGTH_OF_8 = 127;

/** A frame of the protocol WebSocket (RFC 6455), as servers send it: unmasked, and not compressed. */
function textFrame(...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const long = size > 0xffff;
  const head = Buffer.allocUnsafe(long ? 10 : size < LENGTH_OF_2 ? 2 : 4);
  head[0] = TEXT;
  head[1] = long ? LENGTH_OF_8 : Math.min(size, LENGTH_OF_2);
  if (long) head.writeBigUInt64BE(BigInt(size), 2);
  else if (size >= LENGTH_OF_2) head.writeUInt16BE(size, 2);
  return Buffer.concat([head, ...parts], head.length + size);
}
