import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as openSocket } from "node:net";
import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  TimeoutError,
  wsconnect,
} from "@nats-io/transport-node";
import type { NatsConfig } from "../../config/nats.ts";
import { errorCode } from "../../db/faults.ts";

/** Time for each step of connecting, in milliseconds. */
const STEP_MS = 2_000;
const DEFAULT_PORT = "4222";

const CHECK_ADDRESS =
  "Check that NATS runs there, and DOCKET_NATS_URL: tls:// where it insists on TLS, ws:// or wss:// for its WebSocket port.";

/** @throws Error that says what is wrong and what to do, without the passwords that addresses may hold. */
export async function connectToNats({ servers, credentialsFile }: NatsConfig): Promise<NatsConnection> {
  const urls = servers.map((server) => new URL(server));
  const web = urls.filter(({ protocol }) => /^wss?:$/.test(protocol));
  if (web.length > 0 && web.length < urls.length)
    throw new Error("DOCKET_NATS_URL mixes WebSocket addresses with others: name those of one kind.");
  const options: ConnectionOptions = {
    name: "docket",
    timeout: STEP_MS,
    // A lost connection is made anew by us: the client would keep what is published meanwhile, and send it late.
    reconnect: false,
    noAsyncTraces: true,
    ...loginOf(urls),
    ...(credentialsFile !== null && { authenticator: credsAuthenticator(await readCredentials(credentialsFile)) }),
  };
  const addresses = web.length > 0 ? [] : await answering(urls);
  try {
    if (web.length > 0)
      return await wsconnect({ ...options, servers: urls.map((url) => `${url.protocol}//${url.host}${url.pathname}`) });
    // Without this option the client takes tls:// for a preference.
    const tls = urls.some(({ protocol }) => protocol === "tls:") && { tls: {} };
    return await connect({ ...options, ...tls, servers: addresses });
  } catch (error) {
    throw explain(error, urls.map(({ host }) => host).join(", "));
  }
}

function explain(error: unknown, hosts: string): Error {
  const message = String(error instanceof Error ? error.message : error).trim();
  if (error instanceof AuthorizationError)
    return new Error(
      `NATS refuses the login at ${hosts} (${message}). Check DOCKET_NATS_URL or DOCKET_NATS_CREDENTIALS.`,
    );
  const reason = error instanceof TimeoutError ? `no answer for ${STEP_MS / 1000} s` : message;
  return new Error(`Connecting to NATS at ${hosts} fails: ${reason}. ${remedyFor(message)}`);
}

function remedyFor(message: string): string {
  if (/certificate/i.test(message)) return "Name the authority that signed it to Node: NODE_EXTRA_CA_CERTS=ca.pem.";
  if (/credentials/i.test(message)) return "Check the file that DOCKET_NATS_CREDENTIALS names.";
  return CHECK_ADDRESS;
}

async function readCredentials(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(`The file that DOCKET_NATS_CREDENTIALS names cannot be read: ${error}`);
  }
}

/** What the first address with a login says, as the client does not look there: a user and password, or a token. */
function loginOf(urls: readonly URL[]): ConnectionOptions {
  const { username = "", password = "" } = urls.find((url) => url.username !== "") ?? {};
  if (username === "") return {};
  if (password === "") return { token: decodeURIComponent(username) };
  return { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

/**
 * The addresses where a server greets. The client never closes a socket that was accepted and stays silent, as that of a
 * hung server does; so it is not given one.
 */
async function answering(urls: readonly URL[]): Promise<string[]> {
  const greetings = await Promise.allSettled(urls.map(greeting));
  const addresses = greetings.flatMap((greeted) => (greeted.status === "fulfilled" ? greeted.value : []));
  if (addresses.length > 0) return addresses;
  const reasons = greetings.map((greeted, i) => {
    const error: unknown = greeted.status === "rejected" && greeted.reason;
    return `${urls[i]?.host} ${error instanceof Error && error.name === "AbortError" ? "is silent" : (errorCode(error) ?? error)}`;
  });
  throw new Error(`No NATS server answers: ${reasons.join(", ")}. ${CHECK_ADDRESS}`);
}

async function greeting({ hostname, port }: URL): Promise<string> {
  const socket = openSocket(Number(port || DEFAULT_PORT), hostname.replace(/^\[(.*)\]$/, "$1"));
  try {
    await once(socket, "data", { signal: AbortSignal.timeout(STEP_MS) });
    return `${hostname}:${port || DEFAULT_PORT}`;
  } finally {
    socket.destroy();
  }
}
