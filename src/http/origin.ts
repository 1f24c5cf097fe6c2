import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { HttpConfig } from "../config/http.ts";

/**
 * Whether the Host header names this server. A page whose own name was made to point here (DNS rebinding) shows by it;
 * an IP address cannot be such a name.
 */
export function isOwnHost(request: IncomingMessage, { host, allowedHosts }: HttpConfig): boolean {
  const name = hostname(request.headers.host);
  if (name === undefined) return false;
  return isIP(name) !== 0 || name === "localhost" || name === host.toLowerCase() || allowedHosts.includes(name);
}

/** Whether the request comes from a page of this very server, as the browser says. */
export function isOwnOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  return origin !== undefined && host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
}

/**
 * Whether a request that a cookie speaks for may be answered. Browsers send Origin with everything that can change
 * something; without it only reading is allowed, and only for this server's own pages or an address typed by hand.
 */
export function mayUseCookie(request: IncomingMessage): boolean {
  if (request.headers.origin !== undefined) return isOwnOrigin(request);
  const site = request.headers["sec-fetch-site"];
  const reads = request.method === "GET" || request.method === "HEAD";
  return reads && request.headers.upgrade === undefined && (site === undefined || OWN_SITES.has(String(site)));
}

/** "none": the person typed the address or opened a bookmark. */
const OWN_SITES = new Set(["same-origin", "none"]);

/** Whether a page may call what is not meant for pages: only from here, or where the configuration lets it in. */
export function mayCallFromPage(request: IncomingMessage, { corsOrigins }: HttpConfig): boolean {
  const { origin } = request.headers;
  return origin === undefined || isOwnOrigin(request) || corsOrigins.includes(origin);
}

function hostname(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  if (host !== last.host) last = { host, name: URL.parse(`http://${host}`)?.hostname.replace(/^\[(.*)\]$/, "$1") };
  return last.name;
}

/** Nearly all who call name the server as the last did. `[::1]` is kept without its brackets. */
let last: { readonly host: string; readonly name: string | undefined } = { host: "", name: undefined };
