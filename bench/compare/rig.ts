import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Client } from "pg";
import { connect } from "../../src/db/connect.ts";
import { migrate } from "../../src/db/migrate.ts";
import { makeScratchDatabase } from "../scratch-database.ts";
import { ServerProcess, WITHOUT_LIMITS } from "../server-process.ts";
import { seedProject } from "../world.ts";
import type { SystemName } from "./compare.ts";
import type { Target } from "./load/asker.ts";
import { type Around, type Burst, type Done, LoadProcess } from "./load/process.ts";
import { PROJECTS, TASKS } from "./operations.ts";
import { hasPgbench, PGBENCH_OPERATIONS, runPgbench } from "./pgbench.ts";
import { parentOf } from "./processor.ts";

/** Connections of each server beside Docket to its database, as many as one key has of Docket's by default. */
const POOL = 8;

/** A thing that is measured. */
export interface System {
  readonly target: Target;
  /** Asks, where it is not the process that asks all others. */
  readonly ask?: (burst: Burst, around: Around) => Promise<Done>;
  /** The server's process; undefined where there is none. */
  readonly pid: number | undefined;
  /** Brings the database back to the tasks that it had at first. */
  reset(): Promise<void>;
  /** The operations that it can do; undefined: all. */
  readonly answers?: ReadonlySet<string>;
  /** Resolves when it has done what is left to do after its last answer. */
  rest(): Promise<void>;
}

/** Everything that a comparison runs on, on one machine: PostgreSQL, servers, and the process that asks. */
export interface Rig extends AsyncDisposable {
  readonly load: LoadProcess;
  /** The process of PostgreSQL whose children are its backends; undefined where it is not on this machine. */
  readonly postgresPid: number | undefined;
  readonly postgresVersion: string;
  readonly systems: ReadonlyMap<SystemName, System>;
}

/** A server that is measured beside the bare one, on the same database. */
export interface Peer {
  /** Started with the URL of the database and a number of connections; sends its port when it answers. */
  readonly script: URL;
  readonly target: (port: number) => Target;
  readonly answers?: ReadonlySet<string>;
  /** Brings the database to what it needs, as its owner. */
  readonly prepare?: (owner: Client) => Promise<void>;
}

interface RigOptions {
  /** The URL of a PostgreSQL to use instead of an embedded one. */
  readonly given: string | undefined;
  readonly peers?: ReadonlyMap<SystemName, Peer>;
  /** Of each database, instead of as many as goals are about. */
  readonly tasks?: number;
  /** The command of Docket, in place of this clone's. */
  readonly docket?: string;
}

export async function startRig({ given, peers = new Map(), tasks = TASKS, docket }: RigOptions): Promise<Rig> {
  await using opened = new AsyncDisposableStack();
  const scratch = await makeScratchDatabase(given);
  opened.defer(() => scratch.drop());
  // Docket moves every event that it finds: the others need a database of their own.
  const other = await makeScratchDatabase(scratch.url);
  opened.defer(() => other.drop());

  const server = new ServerProcess({
    databaseUrl: scratch.url,
    home: scratch.home,
    docket,
    // A line for each request, as usual; into a file, as reading it would cost this process more than writing it.
    environment: { ...WITHOUT_LIMITS, LOG_LEVEL: "info" },
    output: join(scratch.folder, "server.log"),
  });
  opened.defer(() => server.stop());
  await server.start();
  await migrate({ ownerUrl: other.url, loginUrl: other.url });
  const load = new LoadProcess();
  opened.use(load);
  const children: ChildProcess[] = [];
  const killChildren = () => children.forEach((child) => void child.kill());
  opened.defer(async () => killChildren());
  const killAll = () => {
    server.killNow();
    killChildren();
    load[Symbol.dispose]();
  };
  process.once("exit", killAll);
  opened.defer(async () => void process.off("exit", killAll));

  const [ofDocket, ofOthers] = [await connect(scratch.url, "docket bench"), await connect(other.url, "docket bench")];
  for (const owner of [ofDocket, ofOthers]) {
    opened.defer(() => owner.end());
    for (const projectId of PROJECTS) await seedProject({ owner }, projectId, 0);
    await reset(owner, { tasks, inbox: false });
  }
  const { rows } = await ofDocket.query<{ pid: number; version: string }>(
    "SELECT pg_backend_pid() AS pid, current_setting('server_version') AS version",
  );
  const apiKey = (await readFile(join(scratch.home, "agent-key"), "utf8")).trim();
  const others = { reset: () => reset(ofOthers, { tasks, inbox: true }), rest: async () => undefined };
  const statements: System = { target: { kind: "statements", databaseUrl: other.url }, pid: undefined, ...others };
  const systems = new Map<SystemName, System>([["statements", statements]]);
  if (hasPgbench())
    systems.set("pgbench", {
      ...statements,
      ask: (burst, around) => runPgbench(burst, other.url, around),
      answers: PGBENCH_OPERATIONS,
    });
  const beside = async (script: URL) => {
    const child = fork(fileURLToPath(script), [other.url, String(POOL)], { silent: true });
    children.push(child);
    return { pid: child.pid, port: await portOf(child) };
  };
  const { pid, port } = await beside(new URL("./bare/server.ts", import.meta.url));
  systems.set("bare", { target: { kind: "bare", port, prefix: "/" }, pid, ...others });
  systems.set("combined", { target: { kind: "bare", port, prefix: "/combined/" }, pid, ...others });
  for (const [name, { script, target, answers, prepare }] of peers) {
    await prepare?.(ofOthers);
    const { pid, port } = await beside(script);
    systems.set(name, { target: target(port), pid, ...(answers && { answers }), ...others });
  }
  systems.set("docket", {
    target: { kind: "graphql", port: Number(new URL(server.url).port), apiKey },
    pid: server.pid,
    reset: () => reset(ofDocket, { tasks, inbox: false }),
    rest: () => untilDrained(ofDocket),
  });
  const owned = opened.move();
  return {
    load,
    postgresPid: given === undefined ? await parentOf(rows[0]?.pid ?? 0) : undefined,
    postgresVersion: rows[0]?.version ?? "",
    systems,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** @throws Error with what it printed, when it ends before it answers. */
async function portOf(child: ChildProcess): Promise<number> {
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      printed = `${printed}${chunk}`.slice(-4_000);
    });
  const over = new AbortController();
  const ended = once(child, "exit", over).then(() => Promise.reject(new Error(`A server did not start:\n${printed}`)));
  const [port] = await Promise.race([once(child, "message", over), ended]);
  over.abort();
  await ended.catch(() => undefined);
  return Number(port);
}

async function untilDrained(owner: Client): Promise<void> {
  for (;;) {
    const { rows } = await owner.query<{ left: boolean }>("SELECT EXISTS (SELECT FROM event_inbox) AS left");
    if (!rows[0]?.left) return;
    await delay(20);
  }
}

/**
 * All tasks as they were loaded, no attempts, no IDs. The log stays: a server remembers its end.
 * @param inbox also what nobody moves into a log.
 */
async function reset(owner: Client, { tasks, inbox }: { tasks: number; inbox: boolean }): Promise<void> {
  // Without the triggers, some of which refuse it.
  await owner.query("SET session_replication_role = replica");
  if (inbox) await owner.query("TRUNCATE event_inbox");
  await owner.query(
    "TRUNCATE tasks, task_attempts, task_texts, id_reservations, id_registry, idempotency_keys CASCADE",
  );
  await owner.query("RESET session_replication_role");
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, priority)
     SELECT project_id, artifact_id('TASK', n), 'benchmark task ' || n, n % 5
     FROM unnest($1::text[]) AS p (project_id) CROSS JOIN generate_series(1, $2::int) n`,
    [PROJECTS, tasks / PROJECTS.length],
  );
  await owner.query(
    "INSERT INTO id_registry (namespace, artifact_type, last_assigned_id) SELECT unnest($1::text[]), 'TASK', $2",
    [PROJECTS, tasks / PROJECTS.length],
  );
  await owner.query("ANALYZE tasks, task_attempts, id_reservations, id_registry");
}
