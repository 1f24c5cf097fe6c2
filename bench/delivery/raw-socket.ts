import { connect, type Socket } from "node:net";

/** One connection of a subscriber, by no more than it takes: the clients share the machine with what they measure. */
interface RawSocket {
  readonly url: string;
  /** Which one it is, from 0. */
  readonly index: number;
  /** What it says first. */
  readonly greeting: string;
  /**
   * How many bytes of the beginning are whole and were taken; 0: more has to come. What it throws is a fault.
   * @param bytes are overwritten by what comes next.
   */
  take(bytes: Buffer): number;
  /** It broke, or the server closed it. */
  onFault(error: Error): void;
}

/** All sockets read into this: what came is looked at before any of them reads again. */
const ROOM = Buffer.allocUnsafeSlow(256 * 1024);

/** Loopback addresses that the subscribers come from: one alone may run out of ports. Linux has all of 127. */
const localAddress = (index: number) => (process.platform === "linux" ? `127.0.0.${1 + (index % 2)}` : "127.0.0.1");

export function openRawSocket({ url, index, greeting, take, onFault }: RawSocket): Socket {
  const { hostname: host, port } = new URL(url);
  const pieces = new Pieces();
  const callback = (bytes: number) => {
    try {
      pieces.add(ROOM.subarray(0, bytes), take);
    } catch (error) {
      onFault(error as Error);
    }
    return true;
  };
  const socket = connect({
    host,
    port: Number(port),
    localAddress: localAddress(index),
    noDelay: true,
    onread: { buffer: ROOM, callback },
  });
  socket.on("error", onFault);
  socket.on("close", () => onFault(new Error("The server closed a connection.")));
  socket.write(greeting);
  return socket;
}

/** Puts together what came in pieces. */
export class Pieces {
  #rest: Buffer | undefined;

  /** @param take how many bytes of the beginning are whole and were taken; 0: more has to come. */
  add(bytes: Buffer, take: (bytes: Buffer) => number): void {
    let left = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    while (left.length > 0) {
      const taken = take(left);
      if (taken === 0) break;
      left = left.subarray(taken);
    }
    this.#rest = left.length > 0 ? Buffer.from(left) : undefined;
  }
}

const END_OF_HEAD = "\r\n\r\n";

/** How long the head of an answer is; 0 while it is not whole. @throws Error for another status than `expected`. */
export function headOf(bytes: Buffer, expected: number): number {
  const end = bytes.indexOf(END_OF_HEAD);
  if (end < 0) return 0;
  const head = bytes.toString("latin1", 0, end);
  if (!head.startsWith(`HTTP/1.1 ${expected} `)) throw new Error(`The server refused a connection: ${head}`);
  return end + END_OF_HEAD.length;
}

/** Thousands of subscribers get the same bytes: these are parsed once. */
export function onceForAll<Parsed>(parse: (text: string) => Parsed): (bytes: Buffer) => Parsed {
  let last: { readonly bytes: Buffer; readonly parsed: Parsed } | undefined;
  return (bytes) => {
    if (!last?.bytes.equals(bytes)) last = { bytes: Buffer.from(bytes), parsed: parse(bytes.toString()) };
    return last.parsed;
  };
}
