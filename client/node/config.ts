import { readFileSync } from "node:fs";
import { loadEnvFile } from "node:process";

/** Where Docket is and who asks: everything a client takes from its environment. */
interface ClientConfig {
  /** The server's address without a path, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** The API key (`dk_…`), when one was given. */
  readonly apiKey: string | undefined;
  /** The project used where a call names none. */
  readonly project: string | undefined;
  /** The toolsets of an MCP server, as a list of names. */
  readonly toolsets: string | undefined;
  /** Minutes without a call after which an MCP server lets the leases of its client run out. */
  readonly renewIdleMinutes: number;
}

/** Settings that cannot work; the message lists every fault, one per line. */
export class ClientConfigError extends Error {
  override readonly name = "ClientConfigError";
}

/** What a process was started with, for the rest of the clients: this file is the only one that reads it. */
export const environment: NodeJS.ProcessEnv = process.env;

interface Sources {
  readonly env?: NodeJS.ProcessEnv;
  /**
   * For a command that is run where a server was started: what is not set follows from that server's own settings
   * (`.env`, `PORT`, and the key files in `DOCKET_HOME`, the agent's first).
   */
  readonly besideServer?: boolean;
  /** The admin's key file is the only one for it. */
  readonly asAdmin?: boolean;
}

export const DEFAULT_PORT = 4000;
const DEFAULT_RENEW_IDLE_MINUTES = 120;
const MOST_RENEW_IDLE_MINUTES = 10_080;

/**
 * Reads `DOCKET_URL`, `DOCKET_API_KEY`, `DOCKET_API_KEY_FILE` and `DOCKET_PROJECT` (also `TASK_TRACKING_URL` and
 * `TASK_TRACKING_API_KEY`); the more specific name wins, and a key wins over a file. Throws a ClientConfigError.
 */
export function readClientConfig({
  env = environment,
  besideServer = false,
  asAdmin = false,
}: Sources = {}): ClientConfig {
  const faults: string[] = [];
  if (besideServer) readEnvFile();
  const setting = (name: string) => env[name]?.trim() || undefined;

  const urlName = setting("DOCKET_URL") === undefined ? "TASK_TRACKING_URL" : "DOCKET_URL";
  const localUrl = `http://127.0.0.1:${(besideServer && setting("PORT")) || DEFAULT_PORT}`;
  const url = serverUrl(setting(urlName) ?? localUrl);
  if (url === undefined) faults.push(`${urlName} must be an http or https address such as ${localUrl}.`);

  let apiKey = setting("DOCKET_API_KEY");
  const keyFile = setting("DOCKET_API_KEY_FILE");
  if (apiKey === undefined && keyFile !== undefined) {
    apiKey = readKey(keyFile);
    if (apiKey === undefined) faults.push(`DOCKET_API_KEY_FILE names ${keyFile}, which holds no readable key.`);
  }
  apiKey ??= setting("TASK_TRACKING_API_KEY");
  if (apiKey !== undefined && !isSendable(apiKey)) faults.push(NOT_SENDABLE);

  const renewIdleMinutes = Number(setting("DOCKET_RENEW_IDLE_MINUTES") ?? DEFAULT_RENEW_IDLE_MINUTES);
  if (!Number.isInteger(renewIdleMinutes) || renewIdleMinutes < 1 || renewIdleMinutes > MOST_RENEW_IDLE_MINUTES)
    faults.push(`DOCKET_RENEW_IDLE_MINUTES must be a whole number from 1 to ${MOST_RENEW_IDLE_MINUTES} (a week).`);

  if (url === undefined || faults.length > 0) throw new ClientConfigError(faults.join("\n"));
  const home = setting("DOCKET_HOME") ?? ".docket";
  if (besideServer && keyFile === undefined)
    apiKey ??= (asAdmin ? undefined : readKey(`${home}/agent-key`)) ?? readKey(`${home}/api-key`);
  return { url, apiKey, project: setting("DOCKET_PROJECT"), toolsets: setting("DOCKET_TOOLSETS"), renewIdleMinutes };
}

/** A header cannot carry another key, and the failure would otherwise come with each call. */
export const isSendable = (apiKey: string) => /^[\x21-\x7e]+$/.test(apiKey);

export const NOT_SENDABLE = "The API key must be one word of plain ASCII.";

function readEnvFile(): void {
  try {
    loadEnvFile();
  } catch {
    // No such file is the usual case; the server itself says so when it cannot read one.
  }
}

/** The address without `/graphql` and trailing slashes, undefined unless it is one that can be called. */
export function serverUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") return undefined;
  return (url.origin + url.pathname).replace(/\/+$/, "").replace(/\/graphql$/, "");
}

export function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
