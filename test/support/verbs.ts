import type { Client } from "pg";
import { onTestFinished } from "vitest";
import type { Context, Viewer } from "../../src/access/viewer.ts";
import type { Database } from "../../src/db/database.ts";
import type { TestDatabase } from "./database.ts";
import { takeDatabase } from "./kept-database.ts";
import { passTime } from "./owner.ts";

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

/** A database as new; all that the test leaves in it is gone when the test ends. */
export async function verbTest(): Promise<VerbTest> {
  const { test, owner, database, giveBack } = await takeDatabase();
  onTestFinished(({ task }) => giveBack(task.result?.state === "pass"));
  return {
    database,
    owner,
    test,
    as: (viewer = {}) => ({ db: database, viewer: { ...AGENT, ...viewer }, correlationId: "test" }),
    pass: (seconds) => passTime(owner, seconds),
    async events() {
      await owner.query("SELECT drain()");
      const { rows } = await owner.query(
        "SELECT event_type AS type, project_id, subject_id, payload FROM events ORDER BY position",
      );
      return rows;
    },
  };
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
