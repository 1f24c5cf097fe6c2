import { MessageType } from "graphql-ws";
import { badInput, rateLimited } from "../errors.ts";
import type { Credentials } from "../keys/authenticate.ts";
import { clientIdFault } from "./exchange.ts";

interface Message {
  readonly type?: string;
  readonly id?: string;
}

/** What kind of message it is, and of which operation; nothing of what cannot be read. */
export function messageIn(text: string): Message {
  try {
    const { type, id } = JSON.parse(text);
    return { ...(typeof type === "string" && { type }), ...(typeof id === "string" && { id }) };
  } catch {
    return {};
  }
}

/** Whether only a server sends messages of this type. */
export const isServers = ({ type = "" }: Message) => FROM_SERVERS.has(type);

const FROM_SERVERS = new Set<string>([MessageType.ConnectionAck, MessageType.Next, MessageType.Error]);

/**
 * A browser cannot set headers on a WebSocket: the same comes as parameters of the connection.
 * @throws BAD_USER_INPUT for a bad client id.
 */
export function withParams(credentials: Credentials, params: Readonly<Record<string, unknown>>): Credentials {
  const text = (...names: string[]) => names.map((name) => params[name]).find((value) => typeof value === "string");
  const apiKey = text("apiKey");
  const clientId = text("clientId");
  const fault = clientId && clientIdFault(clientId);
  if (fault) throw badInput(`clientId ${fault}`);
  return {
    authorization:
      text("Authorization", "authorization") ?? (apiKey && `Bearer ${apiKey}`) ?? credentials.authorization,
    session: credentials.session,
    client: clientId || credentials.client,
    address: credentials.address,
  };
}

/** Enough for every wait that a client may have, and as many requests beside them; what is beyond is refused. */
export const MOST_UNDER_WAY = 200;

export const tooManySockets = (limit: number) =>
  rateLimited(
    `This key has ${limit} WebSockets open, which is the limit. Close one, or raise DOCKET_SOCKETS_PER_KEY.`,
    { retryable: true, retryAfterMs: 1_000, limit },
  );

export const tooMany = () =>
  rateLimited(
    `${MOST_UNDER_WAY} requests of this WebSocket are under way, which is the limit. Wait for their answers.`,
    {
      retryable: true,
      retryAfterMs: 1_000,
      limit: MOST_UNDER_WAY,
    },
  );
