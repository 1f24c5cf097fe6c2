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
  let isCut = false;
  let forbidden: string | undefined;

  const server = createServer((near) => {
    near.on("error", () => undefined);
    if (isCut) return void near.resetAndDestroy();
    const far = target();
    far.on("error", () => near.destroy());
    const pair = [near, far] as const;
    pairs.add(pair);
    near.on("data", (chunk) => {
      if (forbidden === undefined || !chunk.includes(forbidden)) return void far.write(chunk);
      cuts.push(performance.now());
      breakPair(pair);
    });
    far.pipe(near);
    near.once("close", () => {
      far.end();
      pairs.delete(pair);
    });
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
    restore() {
      isCut = false;
      forbidden = undefined;
    },
  };
}

function breakPair([near, far]: readonly [Socket, Socket]): void {
  near.resetAndDestroy();
  far.destroy();
}
