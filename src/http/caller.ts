import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { Networks } from "../config/networks.ts";
import { keptFor } from "../kept-for.ts";

/** Where a request comes from. */
interface Caller {
  readonly address: string | undefined;
  /** Whether somebody passed it on who is not trusted to say for whom: the address is theirs. */
  readonly passedOn: boolean;
}

/** The caller's address: the nearest one that no trusted proxy has. What others say in `X-Forwarded-For` counts for nothing. */
function find(request: IncomingMessage, trusted: Networks): Caller {
  let address = plain(request.socket.remoteAddress);
  const passedBy = listOf(request.headers["x-forwarded-for"]);
  const isForwarded = passedBy.length > 0 || request.headers["forwarded"] !== undefined;
  if (address === undefined || !trusted.has(address)) return { address, passedOn: isForwarded };
  while (address !== undefined && trusted.has(address)) {
    const next = plain(passedBy.pop());
    if (next === undefined) break;
    address = next;
  }
  return { address, passedOn: false };
}

/** Where a request comes from, as was found when it arrived. */
export const callerOf = keptFor((request: IncomingMessage, trusted: Networks = NOBODY) => find(request, trusted));

const NOBODY = new Networks([]);

/**
 * A request arrives: what a trusted proxy says of its caller, and of the host and the scheme that this one used, is taken
 * over, and what others say dropped. Before anything else asks for these.
 */
export function arrive(request: IncomingMessage, trusted: Networks): void {
  callerOf(request, trusted);
  const { socket, headers } = request;
  const isTrusted = trusted.has(plain(socket.remoteAddress) ?? "");
  const host = listOf(headers["x-forwarded-host"]).at(-1);
  if (isTrusted && host !== undefined) headers.host = host;
  if (!isTrusted) delete headers["x-forwarded-proto"];
}

/** The scheme by which the caller came, where a trusted proxy says so. */
export const forwardedScheme = ({ headers }: IncomingMessage) => listOf(headers["x-forwarded-proto"]).at(-1);

/** In the order in which proxies added to it. */
const listOf = (header: string | string[] | undefined): string[] =>
  String(header ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** An address without what proxies and the system add: brackets, a port, the prefix of an IPv4 address within IPv6. */
function plain(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? [];
  const address = (bracketed ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1")).replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(address) === 0 ? undefined : address;
}
