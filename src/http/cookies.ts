import type { IncomingMessage } from "node:http";
import { SESSION_SECONDS } from "../keys/sign-in.ts";
import { forwardedScheme } from "./caller.ts";

/** The session cookie's value, null without one. */
export function sessionCookie(request: IncomingMessage): string | null {
  const name = cookieName(request);
  for (const cookie of request.headers.cookie?.split(";") ?? []) {
    const [key, value] = cookie.trim().split("=", 2);
    if (key === name && value) return value;
  }
  return null;
}

/** The header that signs this browser in. Scripts cannot read the cookie, and other sites' pages cannot send it. */
export function signInCookie(request: IncomingMessage, session: string): string {
  return `${cookieName(request)}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_SECONDS}${secure(request)}`;
}

export function signOutCookie(request: IncomingMessage): string {
  return `${cookieName(request)}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0${secure(request)}`;
}

/** Browsers share cookies between the ports of a host: with one name, two servers would sign each other out. */
function cookieName({ headers }: IncomingMessage): string {
  return `docket_session_${URL.parse(`http://${headers.host}`)?.port || "80"}`;
}

/** The page's own origin, or a trusted proxy in front of this server, says whether the browser speaks TLS. */
function secure(request: IncomingMessage): string {
  const isTls = request.headers.origin?.startsWith("https:") || forwardedScheme(request) === "https";
  return isTls ? "; Secure" : "";
}
