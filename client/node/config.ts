import { readFileSync } from "node:fs";

/** Settings that cannot work; the message says which, and what they must be. */
export class ClientConfigError extends Error {
  override readonly name = "ClientConfigError";
}

/** What a process was started with, for the rest of the clients: this file is the only one that reads it. */
export const environment: NodeJS.ProcessEnv = process.env;

export const DEFAULT_PORT = 4000;
const DEFAULT_RENEW_IDLE_MINUTES = 120;
const MOST_RENEW_IDLE_MINUTES = 10_080;

/** What an MCP server on stdin and stdout takes from its environment, beside which server it talks to and as whom. */
interface McpSettings {
  /** Its toolsets, as a list of names. */
  readonly toolsets: string | undefined;
  /** Minutes without a call after which it lets the leases of its client run out. */
  readonly renewIdleMinutes: number;
}

/** Reads `DOCKET_TOOLSETS` and `DOCKET_RENEW_IDLE_MINUTES`. @throws ClientConfigError */
export function readMcpSettings(env: Readonly<Record<string, string | undefined>>): McpSettings {
  const renewIdleMinutes = Number(env["DOCKET_RENEW_IDLE_MINUTES"]?.trim() || DEFAULT_RENEW_IDLE_MINUTES);
  if (!Number.isInteger(renewIdleMinutes) || renewIdleMinutes < 1 || renewIdleMinutes > MOST_RENEW_IDLE_MINUTES)
    throw new ClientConfigError(
      `DOCKET_RENEW_IDLE_MINUTES must be a whole number from 1 to ${MOST_RENEW_IDLE_MINUTES} (a week).`,
    );
  return { toolsets: env["DOCKET_TOOLSETS"]?.trim() || undefined, renewIdleMinutes };
}

/** A header cannot carry another key, and the failure would otherwise come with each call. */
export const isSendable = (apiKey: string) => /^[\x21-\x7e]+$/.test(apiKey);

export const NOT_SENDABLE = "The API key must be one word of plain ASCII.";

/** The address without `/graphql` and trailing slashes, undefined unless it is one that can be called. */
export function serverUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") return undefined;
  return (url.origin + url.pathname).replace(/\/+$/, "").replace(/\/graphql$/, "");
}

/** The one word in a file, such as a key; undefined where there is none. */
export function readWord(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
