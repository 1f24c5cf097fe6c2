import { createCipheriv, createDecipheriv } from "node:crypto";
import { badInput } from "../../errors.ts";

/**
 * A place in the log: after the event at `position`, whose hash begins with `hash`. Before the first event: position 0
 * and zeros.
 */
export interface Place {
  readonly position: number;
  readonly hash: Buffer;
}

export const BEGINNING: Place = { position: 0, hash: Buffer.alloc(8) };

/** One AES block in base64url. */
const CURSOR = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** Whether a text could be a cursor of some database. */
export const isCursor = (text: string): boolean => CURSOR.test(text);

const CIPHER = "aes-128-ecb";

/**
 * Cursors are one encrypted block: position, then hash. Opaque, because a position counts the events of all projects;
 * one block needs no mode of operation. A block that was tampered with decrypts to a place that is not in the log.
 */
export class CursorCodec {
  readonly #key: Buffer;
  #last: { readonly place: Place; readonly cursor: string } | undefined;

  constructor(key: Buffer) {
    this.#key = key;
  }

  encode(place: Place): string {
    // Thousands of streams stand at the same place at the same moment.
    if (this.#last?.place === place) return this.#last.cursor;
    const block = Buffer.alloc(16);
    block.writeBigUInt64BE(BigInt(place.position), 0);
    place.hash.copy(block, 8, 0, 8);
    const cipher = createCipheriv(CIPHER, this.#key, null).setAutoPadding(false);
    const cursor = Buffer.concat([cipher.update(block), cipher.final()]).toString("base64url");
    this.#last = { place, cursor };
    return cursor;
  }

  /**
   * The place a cursor claims; whether the log has it is for the caller to check.
   * @throws BAD_USER_INPUT for what cannot be a cursor of any database (a wrong length or alphabet).
   */
  decode(cursor: string): Place {
    if (!isCursor(cursor))
      throw badInput("This is not a cursor. Pass one that a frame, a page of events or logCursor gave you, unchanged.");
    const decipher = createDecipheriv(CIPHER, this.#key, null).setAutoPadding(false);
    const block = Buffer.concat([decipher.update(cursor, "base64url"), decipher.final()]);
    // A larger number is no position of any log; it must only not overflow on its way to the database.
    const position = Math.min(Number(block.readBigUInt64BE(0)), Number.MAX_SAFE_INTEGER);
    return { position, hash: block.subarray(8) };
  }
}
