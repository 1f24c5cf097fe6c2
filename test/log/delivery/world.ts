import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type Database, openDatabase } from "../../../src/db/database.ts";
import type { Log } from "../../../src/log/log.ts";
import { createTestDatabase } from "../../support/database.ts";
import { openServerLog } from "../open-log.ts";

/** One server process's part of the log. */
export interface Participant {
  readonly database: Database;
  readonly log: Log;
}

/** Where writers and readers meet: a database, and several that drain and deliver it. */
export interface World extends AsyncDisposable {
  /** The tables' owner, whose connections no disturbance breaks. */
  readonly owner: pg.Pool;
  readonly participants: readonly Participant[];
  /** Processes of their own that only drain. */
  readonly drainers: ChildProcess[];
  /** Kills a drainer as kill -9 does and starts another in its place. */
  replaceDrainer(index: number): Promise<void>;
}

/** Projects and tasks that writers write to. */
export const TASKS = ["alpha", "beta"].flatMap((project) =>
  ["TASK-001", "TASK-002", "TASK-003"].map((task) => ({ project, task })),
);
/** Only the transaction that stays open throughout writes to this one. */
export const LONG_TASK = { project: "alpha", task: "TASK-009" };

const SETTINGS = {
  drainIntervalMs: 30,
  pollMs: 30,
  reconnectMs: 5,
  frameIntervalMs: 1,
  // So that a reader who has all notices, and one that stalls is cut off, while a test runs.
  idleFrameMs: 40,
  stallMs: 30,
  streamsPerClient: 100,
};
/** Of each participant: the first drains behind each of its commits, the last leaves them to the others. */
const DRAIN_DELAYS_MS = [1, 20, 60_000];
const DRAINERS = 2;
const drainProcess = fileURLToPath(new URL("drain-process.ts", import.meta.url));

export async function openWorld(): Promise<World> {
  await using opened = new AsyncDisposableStack();
  const test = await createTestDatabase();
  opened.defer(() => test.drop());
  const owner = new pg.Pool({ connectionString: test.ownerUrl, max: 4, application_name: "docket test owner" });
  opened.defer(() => owner.end());
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false), ('beta', false)");
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'Alpha', 'alpha'), ('beta', 'Beta', 'beta')",
  );
  for (const { project, task } of [...TASKS, LONG_TASK])
    await owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ($1, $2, 'work')", [project, task]);

  const participants: Participant[] = [];
  for (const drainDelayMs of DRAIN_DELAYS_MS) {
    const database = openDatabase({ url: test.url, size: 8, applicationName: "docket test" });
    opened.defer(() => database.close());
    const settings = { ...SETTINGS, drainDelayMs };
    const log = await openServerLog({ database, listenUrl: test.url, settings });
    opened.defer(() => log.close());
    participants.push({ database, log });
  }

  const drainers: ChildProcess[] = [];
  const startDrainer = () => {
    // Coverage and the like of this process are not for it.
    const child = fork(drainProcess, [test.url], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    return once(child, "message").then(() => child);
  };
  opened.defer(async () => {
    await Promise.all(drainers.map(kill));
    // Their backends end a moment after them.
    const left =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'docket drainer'";
    while ((await owner.query(left)).rowCount);
  });
  for (const child of await Promise.all(Array.from({ length: DRAINERS }, startDrainer))) drainers.push(child);

  const owned = opened.move();
  return {
    owner,
    participants,
    drainers,
    async replaceDrainer(index) {
      const dying = drainers[index];
      if (dying) await kill(dying);
      drainers[index] = await startDrainer();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
