import { z } from "zod";
import { isNetwork, NO_NETWORKS } from "./networks.ts";
import { list, setting, wholeNumber } from "./setting.ts";

export type HttpConfig = z.output<typeof http>;

/** Where the server listens, and who may call it from where. */
export const http = z
  .object({
    PORT: setting(wholeNumber(0, 65_535).default(4000), {
      meaning: "the server's port; 0 takes any free one",
      shown: true,
    }),
    HOST: setting(z.string().default("127.0.0.1"), { meaning: "the address where the server listens", shown: true }),
    DOCKET_ALLOWED_HOSTS: setting(list.default([]), {
      meaning: "further host names under which the server may be called; localhost and IP addresses always may",
    }),
    DOCKET_CORS_ORIGINS: setting(
      list
        .refine(
          (origins) => origins.every(isOrigin),
          "must be a comma-separated list of origins like https://example.com",
        )
        .default([]),
      { meaning: "web origins that may call it, separated by commas" },
    ),
    DOCKET_TRUSTED_PROXIES: setting(list.refine((networks) => networks.every(isNetwork), NO_NETWORKS).default([]), {
      meaning:
        "addresses and networks like `10.0.0.0/8` of proxies that say truly who called them " +
        "(`X-Forwarded-For`, `X-Forwarded-Host`, `X-Forwarded-Proto`); from all others these headers count for nothing, and all that comes by such a proxy counts as of one address",
      unset: "none",
      shown: true,
    }),
    DOCKET_SOCKETS_PER_KEY: setting(wholeNumber(1, 100_000).default(100), {
      meaning: "WebSockets that one key may have open on one server, with all its clients together",
      shown: true,
    }),
  })
  .transform((env) => ({
    host: env.HOST,
    /** 0: any free port. */
    port: env.PORT,
    /** Names beside `host`, localhost and IP addresses by which clients may call this server. */
    allowedHosts: env.DOCKET_ALLOWED_HOSTS.map((host) => host.toLowerCase()),
    /** Web pages of these origins may call `/graphql`. */
    corsOrigins: env.DOCKET_CORS_ORIGINS,
    /** Addresses and networks (CIDR) of those who may say where a request comes from. */
    trustedProxies: env.DOCKET_TRUSTED_PROXIES,
    /** WebSockets that one key may have open on this process. */
    socketsPerKey: env.DOCKET_SOCKETS_PER_KEY,
  }))
  .readonly();

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text.toLowerCase();
}
