import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

interface LineSettings {
  /** A server's address, without a path. */
  readonly target: string;
  readonly random: () => number;
}

/** The share of connections that break. */
const BREAKING = 0.2;
/** A request and its answer have about a thousand bytes: most breaks come within the first ten of them. */
const LONGEST_BYTES = 10_000;

/** The network between the clients and one server: some connections are reset after a random number of bytes, in either direction. */
export class Line {
  /** Connections that were reset. */
  resets = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor({ target, random }: LineSettings) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((near) => {
      const far = connect(Number(port), hostname);
      let left = random() < BREAKING ? Math.floor(random() * LONGEST_BYTES) : Number.POSITIVE_INFINITY;
      const carry = (from: Socket, to: Socket) => {
        this.#sockets.add(from);
        from.on("data", (bytes: Buffer) => {
          const passed = bytes.subarray(0, Math.min(left, bytes.length));
          left -= passed.length;
          const more = to.write(passed);
          if (left === 0) {
            this.resets++;
            near.resetAndDestroy();
            far.resetAndDestroy();
          } else if (!more) {
            from.pause();
            to.once("drain", () => from.resume());
          }
        });
        from.once("end", () => to.end());
        // An end that breaks takes the other one along, once that has sent what came before.
        from.on("error", () => undefined);
        from.once("close", () => {
          this.#sockets.delete(from);
          to.destroySoon();
        });
      };
      carry(near, far);
      carry(far, near);
    });
  }

  static async open(settings: LineSettings): Promise<Line> {
    const line = new Line(settings);
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    return line;
  }

  /** The server through this line, without a path. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
