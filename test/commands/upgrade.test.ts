import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ServerProcess, WITHOUT_LIMITS } from "../../bench/server-process.ts";
import { builtPackage } from "../support/built-docket.ts";
import { copyFolder } from "../support/copy-folder.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";
import { outcome } from "./run.ts";

const LATER = "29991231000000_later";
/** What migrations do: they add to tables that every statement of the older version reads and writes. */
const UP = `
  ALTER TABLE tasks ADD COLUMN later text, ADD COLUMN later_at timestamptz NOT NULL DEFAULT now();
  ALTER TABLE task_attempts ADD COLUMN later text;
  ALTER TABLE id_reservations ADD COLUMN later text;
  CREATE INDEX idx_tasks_later ON tasks (project_id, later_at);
  CREATE TABLE laters (project_id text NOT NULL REFERENCES projects, later text);
  GRANT SELECT, INSERT ON laters TO docket_app;`;
const DOWN = `
  DROP TABLE laters;
  ALTER TABLE id_reservations DROP COLUMN later;
  ALTER TABLE task_attempts DROP COLUMN later;
  ALTER TABLE tasks DROP COLUMN later, DROP COLUMN later_at;`;

/** The package of the next version: this one with one migration more. */
async function makeNextVersion(): Promise<string> {
  const folder = join(await makeTemporaryFolder("next"), "package");
  await copyFolder(await builtPackage(), folder);
  const migration = join(folder, "prisma", "migrations", LATER);
  await mkdir(migration);
  await writeFile(join(migration, "migration.sql"), UP);
  await writeFile(join(migration, "down.sql"), DOWN);
  return join(folder, "cli", "docket.js");
}

/** A version's process on the database that all share. */
async function start(docket: string, { url, ownerUrl }: TestDatabase, home: string) {
  const environment = { ...WITHOUT_LIMITS, DATABASE_OWNER_URL: ownerUrl, DOCKET_JOBS: "none" };
  const server = new ServerProcess({ databaseUrl: url, home, docket, environment });
  onTestFinished(() => server.kill());
  await server.start();
  const key = (await readFile(join(home, "agent-key"), "utf8")).trim();
  const send = async <Data>(query: string, variables: object = {}): Promise<Data> => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}`, "docket-client-id": randomUUID() },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    expect(errors).toBeUndefined();
    return data;
  };
  const ready = async () => {
    const response = await fetch(`${server.url}/health/ready`);
    const { dependencies, reasons } = await response.json();
    return [response.status, dependencies.schema, ...reasons];
  };
  return { server, send, ready };
}

interface LogPage {
  readonly caughtUp: boolean;
  readonly cursor: string;
  readonly events: readonly { readonly number: number; readonly type: string; readonly subjectId: string }[];
}

type Version = Awaited<ReturnType<typeof start>>;

const CLAIM = `mutation { claimNextTask(input: {projectId: "alpha"}) { attempt task { taskId } } }`;
const COMPLETE = `mutation ($taskId: ID!, $attempt: ID!) {
  updateTaskStatus(input: {projectId: "alpha", taskId: $taskId, attempt: $attempt, status: COMPLETED}) { task { status } } }`;
const ADD = `mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a"}]}) { taskIds } }`;
const RESERVE = `mutation { reserveIds(input: {projectId: "alpha", artifactType: "US", count: 3}) { reservation { reservationId } } }`;
const CONFIRM = `mutation ($id: ID!) { confirmReservation(input: {reservationId: $id}) { reservation { status } } }`;

async function add({ send }: Version): Promise<string> {
  const { addTasks } = await send<{ addTasks: { taskIds: [string] } }>(ADD);
  return addTasks.taskIds[0];
}

/** Begins at one and ends at the other. */
async function workAcross(one: Version, other: Version): Promise<void> {
  const { claimNextTask } = await one.send<{ claimNextTask: { attempt: string; task: { taskId: string } } }>(CLAIM);
  const { attempt, task } = claimNextTask;
  expect(await other.send(COMPLETE, { attempt, ...task })).toEqual({
    updateTaskStatus: { task: { status: "COMPLETED" } },
  });
  const { reserveIds } = await one.send<{ reserveIds: { reservation: { reservationId: string } } }>(RESERVE);
  expect(await other.send(CONFIRM, { id: reserveIds.reservation.reservationId })).toEqual({
    confirmReservation: { reservation: { status: "CONFIRMED" } },
  });
}

test("a version and the next one work together on one database, each takes over from the other without a loss, and the way back is the same", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const home = await makeTemporaryFolder("home");
  const docket = join(await builtPackage(), "cli", "docket.js");
  const next = await makeNextVersion();

  const older = await start(docket, database, home);
  const added = new Set<string>();
  for (let i = 0; i < 4; i++) added.add(await add(older));
  // It starts beside the old one, and brings the database up to date.
  const newer = await start(next, database, home);
  expect([await older.ready(), await newer.ready()]).toEqual([
    [200, "current"],
    [200, "current"],
  ]);
  await workAcross(older, newer);
  await workAcross(newer, older);

  // The old one is stopped while both are asked for more.
  let ended = false;
  const keepAdding = async (version: Version) => {
    while (!ended) added.add(await add(version));
  };
  const refused = keepAdding(older).catch((error: Error) => error.message);
  const going = keepAdding(newer);
  await expect.poll(() => added.size).toBeGreaterThan(20);
  await older.server.stop();
  expect(await refused).toBe("fetch failed");
  const then = added.size;
  await expect.poll(() => added.size).toBeGreaterThan(then);
  ended = true;
  await going;

  // What it answered is there, and what it did not answer was not done.
  const seen = new Set<string>();
  const numbers: number[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { events }: { events: LogPage } = await newer.send(
      `query ($after: String) { events(filter: {projects: ["alpha"]}, after: $after, first: 100) {
         caughtUp cursor events { number type subjectId } } }`,
      { after },
    );
    for (const { number, type, subjectId } of events.events) {
      numbers.push(number);
      if (type === "task.created") seen.add(subjectId);
    }
    after = events.cursor;
    more = !events.caughtUp;
  }
  expect(seen).toEqual(added);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));

  // Back: the old version starts on the newer schema and goes on; only then may the migration be undone.
  const again = await start(docket, database, home);
  expect(await again.ready()).toEqual([200, "current"]);
  await workAcross(newer, again);
  const env = { PATH: process.env["PATH"], DATABASE_URL: database.ownerUrl };
  const down = spawn(process.execPath, [next, "migrate", "down"], { env, stdio: ["ignore", "pipe", "pipe"] });
  expect(await outcome(down, once(down, "exit"))).toEqual({ out: `Undone: ${LATER}.\n`, err: "", code: 0 });
  await expect
    .poll(newer.ready)
    .toEqual([503, "older", `The database lacks migrations: ${LATER}. Run docket migrate.`]);
  expect(await again.ready()).toEqual([200, "current"]);
  await newer.server.stop();
  await workAcross(again, again);
});
