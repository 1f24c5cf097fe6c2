import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** A server with projects of these names, and an owner's connection. */
export async function startWith(...projects: string[]) {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  for (const projectId of projects)
    await server.ask(
      'mutation ($projectId: ID!) { createProject(input: {projectId: $projectId, name: "P"}) { replayed } }',
      {
        projectId,
      },
    );
  return { server, owner };
}

interface Row {
  readonly project?: string;
  readonly status?: string;
  /** Moments of a day, like "2026-03-02T10:00". */
  readonly created?: string;
  readonly started?: string;
  readonly completed?: string;
  readonly labels?: readonly string[];
  readonly kind?: string;
  readonly holder?: string;
  readonly deleted?: boolean;
}

export async function addTask(owner: Owner, taskId: string, row: Row) {
  await owner.query(
    `INSERT INTO tasks (project_id, task_id, description, status, created_at, started_at, completed_at, labels, kind, claimed_by, deleted_at)
     VALUES ($1, $2, 'work', $3, coalesce($4::timestamptz, docket_now()), $5::timestamptz, $6::timestamptz, $7, $8, $9, CASE WHEN $10 THEN docket_now() END)`,
    [
      row.project ?? "alpha",
      taskId,
      row.status ?? (row.completed === undefined ? "pending" : "completed"),
      row.created && `${row.created}Z`,
      row.started && `${row.started}Z`,
      row.completed && `${row.completed}Z`,
      row.labels ?? [],
      row.kind ?? "task",
      row.holder,
      row.deleted ?? false,
    ],
  );
}

interface AttemptRow {
  readonly project?: string;
  readonly worker: string;
  readonly number?: number;
  readonly claimed: string;
  readonly renewed?: string;
  readonly lease?: string;
  readonly ended?: string;
  readonly outcome?: string;
  readonly endedBy?: string;
}

export async function addAttempt(owner: Owner, taskId: string, row: AttemptRow) {
  await owner.query(
    `INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, claimed_at, last_renewed_at, lease_expires_at, ended_at, outcome, ended_by)
     VALUES ($1, $2, $3, $4, 'x', $5::timestamptz, $6::timestamptz, $7::timestamptz, $8::timestamptz, $9, $10)`,
    [
      row.project ?? "alpha",
      taskId,
      row.number ?? 1,
      row.worker,
      row.claimed,
      row.renewed,
      row.lease ?? "infinity",
      row.ended,
      row.outcome,
      row.endedBy,
    ],
  );
  await owner.query("UPDATE tasks SET attempts = $3 WHERE project_id = $1 AND task_id = $2", [
    row.project ?? "alpha",
    taskId,
    row.number ?? 1,
  ]);
}

export async function archive(server: TestServer, projectId: string) {
  await server.ask(
    "mutation ($projectId: ID!) { archiveProject(input: {projectId: $projectId}) { replayed } }",
    { projectId },
    { key: server.adminKey },
  );
}

/** Codes of the errors that a query of the field is refused with, by a key that sees only alpha. */
export async function refusals(server: TestServer, ...queries: string[]) {
  const { secret: key } = await server.makeKey({ role: "reader", projectIds: ["alpha"] });
  const answers = await Promise.all(queries.map((query) => server.gql(query, {}, { key })));
  return answers.map(({ errors }) => errors?.[0]?.extensions["code"]);
}
