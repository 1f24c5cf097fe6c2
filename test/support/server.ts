import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { WITHOUT_LIMITS } from "../../bench/server-process.ts";
import { acting } from "../../src/access/act-as.ts";
import { SERVER } from "../../src/access/viewer.ts";
import { readConfig } from "../../src/config/config.ts";
import type { Database } from "../../src/db/database.ts";
import { type CreateApiKey, insertKey } from "../../src/keys/create.ts";
import { makeSecret } from "../../src/keys/secret.ts";
import type { Log } from "../../src/log/log.ts";
import { startServer } from "../../src/server.ts";
import type { TestDatabase } from "./database.ts";
import { type KeptDatabase, takeDatabase } from "./kept-database.ts";
import { connectOwner, type Owner } from "./owner.ts";

/** What a GraphQL server answers. */
export interface GraphQLAnswer<Data> {
  readonly data: Data;
  readonly errors?: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[];
}

export interface Asking {
  /** Default: the unlimited agent's. null: none at all. */
  readonly key?: string | null;
  /** Docket-Client-Id. Default: the same for every call; null: none at all. */
  readonly client?: string | null;
  readonly headers?: Record<string, string>;
}

interface Made {
  readonly keyId: string;
  readonly secret: string;
}

/** One real server on a socket of its own. */
export interface TestServer {
  /** Without a path. */
  readonly url: string;
  /** The same for WebSockets, with the path. */
  readonly wsUrl: string;
  readonly adminKey: string;
  readonly agentKey: string;
  readonly test: TestDatabase;
  readonly database: Database;
  readonly log: Log;
  /** The server's log so far, one object per line. */
  readonly logged: readonly Record<string, unknown>[];
  /** Sends a document over HTTP and parses the answer, whatever its status. */
  gql<Data = unknown>(document: string, variables?: object, asking?: Asking): Promise<GraphQLAnswer<Data>>;
  /** The same, and fails the test when there are errors. */
  ask<Data = unknown>(document: string, variables?: object, asking?: Asking): Promise<Data>;
  /** Makes a key, without going through the API. */
  makeKey(input: Partial<CreateApiKey>): Promise<Made>;
  /** Closed by itself when the test ends. */
  close(): Promise<void>;
}

/** A server that several tests share, as the agent of one of them sees it. */
export interface TestProject extends TestServer {
  readonly projectId: string;
}

export interface ServerOptions {
  /** For a second server on the database of a first one. */
  readonly test?: TestDatabase;
  /** Environment variables of the server. It runs no jobs unless DOCKET_JOBS names some, and has no limits unless set. */
  readonly env?: Record<string, string>;
  /** Left open for the caller to close, for `beforeAll`. */
  readonly keepOpen?: boolean;
  /** The clock of its limits. */
  readonly now?: () => number;
}

/** Whether a server with these settings needs a pool of its own. */
const isOwnPool = (env: object = {}) => Object.keys(env).some((name) => /^DOCKET_(METRICS|POOL|REQUEST)/.test(name));

/** Starts a server on a database as new, on any free port; it ends with the test. */
export async function startTestServer(options: ServerOptions = {}): Promise<TestServer> {
  const kept: Pick<KeptDatabase, "test"> & Partial<KeptDatabase> = options.test
    ? { test: options.test }
    : await takeDatabase();
  const { test } = kept;
  const logged: Record<string, unknown>[] = [];
  const server = await startServer(readConfig({ PORT: "0", DOCKET_JOBS: "none", ...WITHOUT_LIMITS, ...options.env }), {
    databaseUrl: test.url,
    ...(kept.database && !isOwnPool(options.env) && { database: kept.database }),
    ...(options.now && { now: options.now }),
    logDestination: { write: (line) => void logged.push(JSON.parse(line)) },
  });
  const { url, database } = server;

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= server.close().then(() => (options.keepOpen ? kept.giveBack?.() : undefined));
    return closed;
  };
  // Later servers of a test may be on the same database: it is given back when all of them are closed.
  if (!options.keepOpen) onTestFinished(() => close().then(() => kept.giveBack?.()));

  async function makeKey(input: Partial<CreateApiKey>): Promise<Made> {
    const secret = makeSecret("key");
    const ctx = { db: database, viewer: SERVER, correlationId: randomUUID() };
    const keyId = await acting(ctx, (inside) => insertKey(inside, secret, { name: "test", role: "agent", ...input }));
    return { keyId, secret: secret.text };
  }
  const admin = await makeKey({ name: "admin", role: "admin" });
  const agent = await makeKey({ name: "agent" });

  const gql: TestServer["gql"] = async (query, variables = {}, asking = {}) => {
    const { key = agent.secret, client = "test", headers } = asking;
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(client !== null && { "docket-client-id": client }),
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });
    // The caller knows the shape of what it asked for.
    return (await response.json()) as never;
  };

  return {
    url,
    wsUrl: `${url.replace("http", "ws")}/graphql`,
    adminKey: admin.secret,
    agentKey: agent.secret,
    test,
    database,
    log: server.log,
    logged,
    gql,
    async ask<Data = unknown>(document: string, variables?: object, asking?: Asking) {
      const { data, errors } = await gql<Data>(document, variables, asking);
      if (errors) throw new Error(`GraphQL errors: ${JSON.stringify(errors)}`);
      return data;
    },
    makeKey,
    close,
  };
}

/** A server and the owner's connection to its database, for all tests of a file. */
export function shareServer(env: Record<string, string> = {}): { readonly server: TestServer; readonly owner: Owner } {
  const shared = {} as { server: TestServer; owner: Owner };
  beforeAll(async () => {
    shared.server = await startTestServer({ env, keepOpen: true });
    shared.owner = await connectOwner(shared.server.test, { keepOpen: true });
  });
  afterAll(async () => {
    await shared.owner.end();
    await shared.server.close();
  });
  return shared;
}

/** Makes a project with these tasks, and an agent's key that is limited to it and asks unless another one is named. */
export async function makeProject(server: TestServer, descriptions: readonly string[]): Promise<TestProject> {
  const projectId = `project-${randomUUID()}`;
  await server.ask('mutation ($id: ID!) { createProject(input: {projectId: $id, name: "P"}) { replayed } }', {
    id: projectId,
  });
  if (descriptions.length > 0)
    await server.ask("mutation ($input: AddTasksInput!) { addTasks(input: $input) { tasksAdded } }", {
      input: { projectId, tasks: descriptions.map((description) => ({ description })) },
    });
  const { secret: key } = await server.makeKey({ name: "agent", projectIds: [projectId] });
  return {
    ...server,
    projectId,
    agentKey: key,
    gql: (document, variables, asking) => server.gql(document, variables, { key, ...asking }),
    ask: (document, variables, asking) => server.ask(document, variables, { key, ...asking }),
  };
}
