import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import type { TypedDocumentString } from "../../client/gen/graphql.ts";
import { type ChosenServer, chooseServer } from "../../client/node/choose-server.ts";
import { ClientConfigError } from "../../client/node/config.ts";
import { createRequest, type DataOf, type GraphQLRequest } from "../../client/request.ts";
import { followStream } from "../../client/stream.ts";
import { withServer } from "./options.ts";
import type { Shell } from "./shell.ts";

/** The options of every command that talks to a server. */
export interface ServerOptions {
  readonly server?: string;
  readonly keyFile?: string;
  readonly project?: string;
  readonly json?: true;
}

/** A server as one command talks to it. */
export interface Connected {
  readonly chosen: ChosenServer;
  readonly url: string;
  readonly request: GraphQLRequest;
  /** Sends a mutation that may safely be repeated after a lost answer. */
  readonly change: <Result, Input extends { idempotencyKey?: string | null | undefined }>(
    document: TypedDocumentString<Result, { input: Input }>,
    input: Input,
  ) => Promise<DataOf<Result>>;
  readonly follow: <Result extends Record<string, { cursor: string } | null>, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ) => ReturnType<typeof followStream<Result, Variables>>;
}

/** Gives a command `--json` as well. */
export const withJson = (command: Command): Command => withServer(command).option("--json", "print JSON, for programs");

/** @throws ClientConfigError where no server or key can be chosen */
export function connect(shell: Shell, options: ServerOptions, { asAdmin = false } = {}): Connected {
  const chosen = chooseServer({ env: shell.env, cwd: shell.cwd, asAdmin, ...options });
  if (chosen.key === undefined)
    throw new ClientConfigError(
      `No API key for ${chosen.url.value}: run \`docket login\`, set DOCKET_API_KEY or DOCKET_API_KEY_FILE, or run this in the folder where the server was started.`,
    );
  // One per process: what other processes of the same key hold is not this one's.
  const clientId = `cli-${randomUUID()}`;
  const connection = { url: chosen.url.value, apiKey: chosen.key.value, clientId };
  const request = createRequest(connection);
  return {
    chosen,
    url: connection.url,
    request,
    change: (document, input) => request(document, { input: { ...input, idempotencyKey: randomUUID() } }),
    follow: (document, variables) => followStream({ ...connection, document, variables, signal: shell.signal }),
  };
}

/** Prints it as JSON on one line per answer, or over several lines for reading. */
export const printJson = ({ out }: Pick<Shell, "out">, value: unknown, { line = false } = {}): void =>
  out(`${JSON.stringify(value, null, line ? undefined : 2)}\n`);
