import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Client } from "pg";
import { createRequest, type GraphQLRequest } from "../client/request.ts";
import { connect } from "../src/db/connect.ts";
import { makeScratchDatabase } from "./scratch-database.ts";
import { ServerProcess, WITHOUT_LIMITS } from "./server-process.ts";

/** What a benchmark measures: a server process of its own on an empty database. */
export interface World extends AsyncDisposable {
  readonly url: string;
  readonly databaseUrl: string;
  /** An agent's. */
  readonly apiKey: string;
  readonly adminKey: string;
  readonly request: GraphQLRequest;
  /** The database's owner, for set-up. */
  readonly owner: Client;
}

interface WorldOptions {
  /** A folder for a CPU profile of the server. */
  readonly profile: string | undefined;
  /** Whether its limits on how often one key may ask hold, as they do for everybody who sets nothing. */
  readonly limits?: boolean;
}

export async function startWorld({ profile, limits = false }: WorldOptions): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const database = await makeScratchDatabase(process.env["DATABASE_URL"]);
  opened.defer(() => database.drop());
  const { home } = database;
  const nodeArguments = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${resolve(profile)}`];
  const server = new ServerProcess({
    databaseUrl: database.url,
    home,
    nodeArguments,
    environment: limits ? {} : WITHOUT_LIMITS,
  });
  process.once("exit", () => server.killNow());
  opened.defer(() => server.stop());
  await server.start();
  const owner = await connect(database.url, "docket bench");
  opened.defer(() => owner.end());
  const readKey = async (file: string) => (await readFile(join(home, file), "utf8")).trim();
  const apiKey = await readKey("agent-key");
  const adminKey = await readKey("api-key");
  const { url } = server;
  const request = createRequest({ url, apiKey, clientId: randomUUID() });
  const owned = opened.move();
  return {
    url,
    databaseUrl: database.url,
    apiKey,
    adminKey,
    request,
    owner,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A project with a namespace of its own and pending tasks TASK-001 …, as quickly as SQL can. */
export async function seedProject({ owner }: Pick<World, "owner">, projectId: string, tasks: number): Promise<void> {
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ($1, false)", [projectId]);
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ($1::varchar, $1::varchar, $1::varchar)",
    [projectId],
  );
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, priority)
     SELECT $1, artifact_id('TASK', n), 'benchmark task ' || n, n % 5 FROM generate_series(1, $2::int) n`,
    [projectId, tasks],
  );
  await owner.query("ANALYZE tasks");
}
