import type { Client } from "pg";
import { onTestFinished } from "vitest";
import type { Context, Viewer } from "../../src/access/viewer.ts";
import { connect } from "../../src/db/connect.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { emptier } from "./empty.ts";

/** A database and what a verb needs, without a server around it. */
export interface VerbTest {
  readonly database: Database;
  /** The owner's connection: for set-up, for looking, and for moving time. */
  readonly owner: Client;
  readonly test: TestDatabase;
  /** The context of a caller; an unlimited agent unless told. */
  as(viewer?: Partial<Viewer>): Context;
  /** Moves the database's clock forward by so many seconds. */
  pass(seconds: number): Promise<void>;
  /** Every event so far, in order. */
  events(): Promise<{ type: string; project_id: string; subject_id: string; payload: Record<string, unknown> }[]>;
}

const AGENT: Viewer = {
  actor: "dk_test0001/agent",
  name: "agent",
  client: "session-1",
  keyId: null,
  role: "agent",
  projectIds: null,
  expiresAt: null,
};

/** A database with its connections. */
interface Opened {
  readonly test: TestDatabase;
  readonly database: Database;
  readonly owner: Client;
  /** Takes out what a test left. @returns whether it is as new. */
  empty(): Promise<boolean>;
}

/** One that a test is through with, as new: another would cost ten times as much. */
let spare: Opened | undefined;

/** Closed, and its database dropped or kept for another test, after the test. */
export async function verbTest(): Promise<VerbTest> {
  const opened = spare ?? (await open());
  spare = undefined;
  const { test, database, owner } = opened;
  let listened = false;
  onTestFinished(async ({ task }) => {
    const passed = task.result?.state === "pass" && !listened && !database.pool.ending;
    if (passed && spare === undefined && (await opened.empty())) spare = opened;
    else await close(opened);
  });
  let moved = 0;
  return {
    database: {
      ...database,
      onCommit(listener) {
        listened = true;
        database.onCommit(listener);
      },
    },
    owner,
    test,
    as: (viewer = {}) => ({ db: database, viewer: { ...AGENT, ...viewer }, correlationId: "test" }),
    async pass(seconds) {
      moved += seconds;
      await owner.query(
        `INSERT INTO clock_offset (moved_by) VALUES (make_interval(secs => $1))
         ON CONFLICT (only_row) DO UPDATE SET moved_by = excluded.moved_by`,
        [moved],
      );
    },
    async events() {
      await owner.query("SELECT drain()");
      const { rows } = await owner.query(
        "SELECT event_type AS type, project_id, subject_id, payload FROM events ORDER BY position",
      );
      return rows;
    },
  };
}

async function open(): Promise<Opened> {
  const test = await createTestDatabase();
  const database = openDatabase({ url: test.url, size: 25, applicationName: "docket verb test" });
  const owner = await connect(test.ownerUrl, "docket verb test owner");
  return { test, database, owner, empty: await emptier(owner) };
}

async function close({ test, database, owner }: Opened): Promise<void> {
  await database.close();
  await owner.end();
  await test.drop();
}

/** A project and pending tasks T-001 … of it, by plain SQL. */
export async function seedTasks({ owner }: VerbTest, projectId: string, count: number): Promise<string[]> {
  await owner.query("INSERT INTO namespaces (namespace, shared) VALUES ($1, false) ON CONFLICT DO NOTHING", [
    projectId,
  ]);
  await owner.query(
    "INSERT INTO projects (project_id, name, id_namespace) VALUES ($1::varchar, $1::varchar, $1::varchar) ON CONFLICT DO NOTHING",
    [projectId],
  );
  const { rows } = await owner.query<{ task_id: string }>(
    `INSERT INTO tasks (project_id, task_id, description)
     SELECT $1::varchar, 'TASK-' || lpad(n::text, greatest(3, length(n::text)), '0'), 'work ' || n FROM generate_series(1, $2::int) n RETURNING task_id`,
    [projectId, count],
  );
  return rows.map(({ task_id }) => task_id);
}

/** An attempt at a task as its holder was given it. Default: the last one of that task. */
export async function given({ owner }: VerbTest, taskId: string, attempt?: number): Promise<string> {
  const { rows } = await owner.query<{ given: string }>(
    `SELECT attempt || '-' || secret AS given FROM task_attempts
     WHERE task_id = $1 AND attempt = coalesce($2, attempt) ORDER BY attempt DESC LIMIT 1`,
    [taskId, attempt ?? null],
  );
  return rows[0]?.given ?? "";
}
