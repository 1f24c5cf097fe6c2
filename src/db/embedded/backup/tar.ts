import { DamagedBackup } from "./damaged.ts";

// The part of the format (POSIX ustar) that PostgreSQL writes: files and folders with names of up to 100 bytes.

const BLOCK = 512;
const [NAME, MODE, UID, GID, SIZE, TIME, CHECKSUM, TYPE, MAGIC] = [0, 100, 108, 116, 124, 136, 148, 156, 257];
const CHECKSUM_LENGTH = 8;

/** Two empty blocks end an archive. */
export const END = Buffer.alloc(2 * BLOCK);

export interface TarEntry {
  /** With `/` between the parts. */
  readonly name: string;
  readonly isFolder: boolean;
  /** To be read to its end before the next entry; what is left of it is passed over. */
  readonly content: AsyncIterable<Buffer>;
}

/** A file as an archive holds it. */
export function tarFile(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, NAME);
  header.write("0000600\0", MODE);
  header.write("0000000\0", UID);
  header.write("0000000\0", GID);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, SIZE);
  header.write("00000000000\0", TIME);
  header.write("0", TYPE);
  header.write("ustar\x0000", MAGIC);
  header.write(`${sumOf(header).toString(8).padStart(6, "0")}\0 `, CHECKSUM);
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))]);
}

/** The entries of an archive, one after another. @throws DamagedBackup where it is none, or ends too early. */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry, void, undefined> {
  const bytes = new Bytes(source);
  for (;;) {
    const header = await bytes.take(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const textAt = (at: number, length: number) => header.toString("utf8", at, at + length).replace(/\0.*$/s, "");
    const numberAt = (at: number, length: number) => Number.parseInt(textAt(at, length).trim() || "0", 8);
    const [size, type] = [numberAt(SIZE, 12), textAt(TYPE, 1)];
    if (numberAt(CHECKSUM, CHECKSUM_LENGTH) !== sumOf(header) || !(size >= 0))
      throw new DamagedBackup("a part of it has no header");
    if (type !== "0" && type !== "5") throw new DamagedBackup("it holds something that is neither a file nor a folder");
    const content = bytes.next(size);
    yield { name: textAt(NAME, MODE - NAME), isFolder: type === "5", content };
    for await (const _ of content);
    await bytes.take(paddingOf(size));
  }
  // Also what comes after has to be whole: the checksum of the compression stands at its very end.
  await bytes.rest();
}

const paddingOf = (size: number) => (BLOCK - (size % BLOCK)) % BLOCK;

/** Of all bytes, those of the checksum counted as spaces. */
function sumOf(header: Buffer): number {
  const own = header.subarray(CHECKSUM, CHECKSUM + CHECKSUM_LENGTH).reduce((sum, byte) => sum + byte, 0);
  return header.reduce((sum, byte) => sum + byte, 0) - own + 32 * CHECKSUM_LENGTH;
}

/** A stream that is read by lengths. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #ahead: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.next(length)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *next(length: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = length; left > 0; ) {
      if (this.#ahead.length === 0) {
        const { value, done } = await this.#chunks.next();
        if (done) throw new DamagedBackup("its end is missing");
        this.#ahead = value;
        continue;
      }
      const part = this.#ahead.subarray(0, left);
      this.#ahead = this.#ahead.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async rest(): Promise<void> {
    while (!(await this.#chunks.next()).done);
  }
}
