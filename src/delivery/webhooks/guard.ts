import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { BlockList, isIP } from "node:net";
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from "request-filtering-agent";

/** An idle connection is closed before the endpoint is likely to. */
const KEEP_ALIVE = { keepAlive: true, timeout: 4_000 };

/** How a request has to be made. */
export type GuardedRoute = Pick<http.RequestOptions, "agent" | "lookup">;

/**
 * Keeps webhooks from reaching into private networks: an address that is not public is refused when it is connected to,
 * however the URL names it and whatever DNS answered before. Networks of the configuration are excepted.
 */
export class Guard {
  readonly #excepted = new BlockList();
  readonly #hasExceptions: boolean;
  readonly #public = agents(RequestFilteringHttpAgent, RequestFilteringHttpsAgent);
  readonly #direct = agents(http.Agent, https.Agent);

  /** @param privateNetworks addresses, or networks in CIDR notation. */
  constructor(privateNetworks: readonly string[]) {
    for (const network of privateNetworks) {
      const [address = "", bits] = network.split("/");
      const version = isIP(address);
      this.#excepted.addSubnet(address, Number(bits ?? (version === 6 ? 128 : 32)), family(version));
    }
    this.#hasExceptions = privateNetworks.length > 0;
  }

  /** @throws Error of DNS, or a refusal; most refusals come from the request itself. */
  async route({ protocol, hostname }: URL): Promise<GuardedRoute> {
    const address = hostname.replace(/^\[|\]$/g, "");
    const scheme = protocol === "https:" ? "https" : "http";
    if (this.#hasExceptions) {
      const addresses = await lookup(address, { all: true });
      if (addresses.every((found) => this.#excepted.check(found.address, family(found.family))))
        // The address that was checked is the one that is connected to: DNS might answer with another the second time.
        return {
          agent: this.#direct[scheme],
          lookup: (_host, _options, done) => done(null, addresses),
        };
    }
    // The agent takes ::127.0.0.1 and all that was never given out for public.
    if (isIP(address) === 6 && !GLOBAL_IPV6.check(address, "ipv6")) throw new Error(notPublic(address));
    return { agent: this.#public[scheme] };
  }

  close(): void {
    for (const { http, https } of [this.#public, this.#direct]) {
      http.destroy();
      https.destroy();
    }
  }
}

function agents(Http: new (options: http.AgentOptions) => http.Agent, Https: typeof Http) {
  return { http: new Http(KEEP_ALIVE), https: new Https(KEEP_ALIVE) };
}

const family = (version: number) => (version === 6 ? "ipv6" : "ipv4");

/** The refusal in words, for readers of the delivery log; undefined for any other error. */
export function refusal({ message }: Error): string | undefined {
  const [, address] = /^DNS lookup (\S+?)\(.* is not allowed\. Because/.exec(message) ?? [];
  return address && notPublic(address);
}

const notPublic = (address: string) =>
  `${address} is not a public address, and DOCKET_WEBHOOK_PRIVATE_NETWORKS does not name it.`;

/** All that is given out of IPv6 for public use. */
const GLOBAL_IPV6 = new BlockList();
GLOBAL_IPV6.addSubnet("2000::", 3, "ipv6");
