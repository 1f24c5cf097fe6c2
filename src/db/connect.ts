import { Client, type ClientConfig } from "pg";
import { DocketError } from "../errors.ts";

/** How long one attempt to connect may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Opens a connection of its own, without the pool's limits on statements; the caller ends it.
 * A server that goes away later surfaces at the next query, never as an uncaught event.
 * @throws DocketError DATABASE_UNAVAILABLE naming host, port, database and cause, never the password.
 */
export async function connect(url: string, applicationName: string, config: ClientConfig = {}): Promise<Client> {
  let client: Client | undefined;
  try {
    client = new Client({
      connectionString: url,
      application_name: applicationName,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      ...config,
    });
    client.on("error", () => undefined);
    await client.connect();
    // As in the pool, no statement is worth compiling. Not an option of the start, which a proxy in between may refuse.
    await client.query("SET jit = off");
    return client;
  } catch (cause) {
    await client?.end().catch(() => undefined);
    const where = client ? describe(client) : "the database (its URL cannot be read)";
    throw new DocketError(
      "DATABASE_UNAVAILABLE",
      `Cannot connect to ${where}: ${reason(cause)}. Check that PostgreSQL runs there and that the URL is right.`,
      {},
      { cause },
    );
  }
}

function describe(client: Client): string {
  return `PostgreSQL at ${client.host}, port ${client.port}, database "${client.database ?? ""}"`;
}

function reason(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(reason).join("; ");
  return cause instanceof Error ? cause.message : String(cause);
}
