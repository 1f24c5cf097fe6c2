import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Client } from "pg";
import { onTestFinished } from "vitest";

/** Stands between a server and its PostgreSQL, and takes the database away. */
export interface DatabaseProxy {
  /** The same database through the proxy. */
  readonly url: string;
  /** Breaks every connection, and each new one at once, until `restore`. */
  cut(): void;
  /** Breaks each connection as soon as it sends this text, such as a statement's name, before the database sees it. */
  cutOn(text: string): void;
  /** Lets the database have this text once, and breaks the connection instead of passing its answer on. */
  loseAnswer(text: string): void;
  /**
   * Passes on nothing any more, and closes nothing: as when a router between them forgets a connection, or is cut off.
   * @param which `present`: the connections of now, for ever. `all`: new ones too, until `restore`.
   */
  silence(which: "present" | "all"): void;
  restore(): void;
  /** When `cutOn` broke a connection, in milliseconds of the process's clock. */
  readonly cuts: readonly number[];
}

/** Ends with the test. */
export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const { host, port } = new Client({ connectionString: url });
  const target = () => (host.startsWith("/") ? connect(join(host, `.s.PGSQL.${port}`)) : connect(port, host));
  const pairs = new Set<readonly [Socket, Socket]>();
  const cuts: number[] = [];
  const forgotten = new Set<readonly [Socket, Socket]>();
  let isCut = false;
  let isSilent = false;
  let forbidden: string | undefined;
  let unanswered: string | undefined;
  const losing = new Set<readonly [Socket, Socket]>();

  const server = createServer((near) => {
    near.on("error", () => undefined);
    if (isCut) return void near.resetAndDestroy();
    const far = target();
    far.on("error", () => near.destroy());
    const pair = [near, far] as const;
    pairs.add(pair);
    near.on("data", (chunk) => {
      if (unanswered !== undefined && chunk.includes(unanswered)) {
        unanswered = undefined;
        losing.add(pair);
      }
      if (forbidden === undefined || !chunk.includes(forbidden)) return void far.write(chunk);
      cuts.push(performance.now());
      breakPair(pair);
    });
    far.on("data", (chunk) => void (losing.delete(pair) ? breakPair(pair) : near.write(chunk)));
    far.once("end", () => near.end());
    near.once("close", () => {
      far.end();
      pairs.delete(pair);
    });
    if (isSilent) hold(pair);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const pair of pairs) breakPair(pair);
    server.close();
  });

  const proxied = new URL(url);
  proxied.hostname = "127.0.0.1";
  proxied.port = String((server.address() as AddressInfo).port);
  proxied.searchParams.delete("host");
  proxied.searchParams.delete("port");
  return {
    url: proxied.href,
    cuts,
    cut() {
      isCut = true;
      for (const pair of pairs) breakPair(pair);
    },
    cutOn(text) {
      forbidden = text;
    },
    loseAnswer(text) {
      unanswered = text;
    },
    silence(which) {
      isSilent = which === "all";
      for (const pair of pairs) {
        hold(pair);
        if (which === "present") forgotten.add(pair);
      }
    },
    restore() {
      isCut = false;
      isSilent = false;
      forbidden = undefined;
      for (const pair of pairs) if (!forgotten.has(pair)) for (const socket of pair) socket.resume();
    },
  };
}

function hold(pair: readonly [Socket, Socket]): void {
  for (const socket of pair) socket.pause();
}

function breakPair([near, far]: readonly [Socket, Socket]): void {
  near.resetAndDestroy();
  far.destroy();
}
