import { expect, it } from "vitest";
import { REACHED } from "../access/cases.ts";
import { documentOf, walk } from "../access/schema-walk.ts";
import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** What runs beside a request (drain, tail) asks now and then as well; one statement per row would be dozens more. */
const BESIDE = 12;
const FEW = 2;
const MANY = 40;

/** Some of everything that a list may show, each row with several of what belongs to it: rows number `from` to `to`. */
async function fill({ owner, server }: { owner: Owner; server: TestServer }, from: number, to: number) {
  const rows = async (sql: string) =>
    void (await owner.query(sql.replaceAll("SERIES", "generate_series($1::int, $2)"), [from, to]));
  await rows("INSERT INTO namespaces (namespace, shared) SELECT 'p-' || n, false FROM SERIES n");
  await rows("INSERT INTO projects (project_id, name, id_namespace) SELECT 'p-' || n, 'P', 'p-' || n FROM SERIES n");
  await rows(`INSERT INTO tasks (project_id, task_id, description)
    SELECT 'p-' || n, 'TASK-00' || i, 'work' FROM SERIES n, generate_series(1, 5) i`);
  await rows(`INSERT INTO tasks (project_id, task_id, description, due_date, recurrence_pattern)
    SELECT 'p-' || n, 'TASK-006', 'again', '2090-01-01T09:00:00Z', 'daily' FROM SERIES n`);
  await rows(`INSERT INTO tasks (project_id, task_id, description, parent_recurring_task_id, occurrence_date)
    SELECT 'p-' || n, 'TASK-' || 100 + i, 'again', 'TASK-006', date '2090-01-01' + i FROM SERIES n, generate_series(0, 40) i`);
  await rows(`INSERT INTO task_attempts (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome)
    SELECT 'p-' || n, 'TASK-00' || i, a, 'x', now(), now(), now(), 'released'
    FROM SERIES n, generate_series(1, 5) i, generate_series(1, 3) a`);
  await rows(
    `INSERT INTO webhooks (url, secret, created_by) SELECT 'https://x.example/' || n, 'whsec_' || repeat('x', 32), 'x' FROM SERIES n`,
  );
  await rows(`INSERT INTO webhook_deliveries
      (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, status, ended_at)
    SELECT w.webhook_id, i, gen_random_uuid(), 'task.created', 'p-1', 'task', 'TASK-001', 'dead', now()
    FROM SERIES n JOIN webhooks w ON w.url = 'https://x.example/' || n, generate_series(1, 3) i`);
  await rows(`INSERT INTO webhook_attempts (webhook_id, position, attempt, started_at, duration_ms)
    SELECT w.webhook_id, i, a, now(), 1
    FROM SERIES n JOIN webhooks w ON w.url = 'https://x.example/' || n, generate_series(1, 3) i, generate_series(1, 3) a`);
  await rows(`INSERT INTO vendors (project_id, name, status, created_by)
    SELECT 'p-' || n, 'Vendor ' || i, 'broken', 'x' FROM SERIES n, generate_series(1, 3) i`);
  await rows(`INSERT INTO deployments (project_id, commit_hash, pr_number, pr_title, test_summary, constitutional_compliance, created_by)
    SELECT 'p-' || n, repeat('a', 40), i, 'a', '{}', true, 'x' FROM SERIES n, generate_series(1, 3) i`);
  await rows(`INSERT INTO deployment_vendors (project_id, deployment_id, vendor_id)
    SELECT 'p-' || n, deployment_id, vendor_id FROM SERIES n
      JOIN deployments d ON d.project_id = 'p-' || n JOIN vendors v ON v.project_id = d.project_id`);
  await rows(`INSERT INTO deployment_tasks (project_id, deployment_id, task_id)
    SELECT 'p-' || n, deployment_id, 'TASK-00' || i FROM SERIES n
      JOIN deployments d ON d.project_id = 'p-' || n, generate_series(1, 3) i`);
  const each = Array.from({ length: to - from + 1 }, async (_, i) => {
    await server.makeKey({ name: `key ${from + i}` });
    await server.ask(
      `mutation ($projectId: ID!) {
        reserveIds(input: {projectId: $projectId, artifactType: "US", taskId: "TASK-001"}) { replayed }
        updateTask(input: {projectId: $projectId, taskId: "TASK-001", title: "new"}) { replayed }
      }`,
      { projectId: `p-${from + i}` },
    );
  });
  await Promise.all(each);
}

it("asks the database as often for forty rows as for two, whatever is selected of them", async () => {
  // Jobs ask the database on their own.
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  const owner = await connectOwner(server.test);
  const lists = walk("query", REACHED).filter(
    ({ field, parent }) => parent === undefined && field.args.some(({ name }) => name === "first"),
  );
  expect(lists.map(({ name }) => name)).toEqual(expect.arrayContaining(["tasks", "projects", "webhooks", "events"]));
  let taken = 0;
  server.database.pool.on("acquire", () => void taken++);
  // The fewest of some: on a busy machine a level is read in several turns of the event loop. Or the first that are few enough.
  const statements = async (document: string, enough = 0) => {
    const counts: number[] = [];
    for (let i = 0; i < 3 && !(taken <= enough && i > 0); i++) {
      taken = 0;
      await server.ask(
        document,
        { first: MANY, projectId: "p-1", taskId: "TASK-006", text: "work" },
        { key: server.adminKey },
      );
      counts.push(taken);
    }
    return Math.min(...counts);
  };

  const few = new Map<string, number>();
  await fill({ owner, server }, 1, FEW);
  for (const list of lists) few.set(list.name, await statements(documentOf(list)));
  await fill({ owner, server }, FEW + 1, MANY);
  for (const list of lists) {
    const most = (few.get(list.name) ?? 0) + BESIDE;
    expect(await statements(documentOf(list), most), list.name).toBeLessThanOrEqual(most);
  }
});

it("answers a hundred clients that ask for tasks with their projects and attempts at once", async () => {
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  await fill({ owner: await connectOwner(server.test), server }, 1, 2);
  const answers = await Promise.all(
    Array.from({ length: 100 }, () =>
      server.gql<{ tasks: { nodes: unknown[] } }>(
        "{ tasks(first: 50) { nodes { taskId project { name } attempts { worker } } } }",
      ),
    ),
  );
  for (const { data, errors } of answers) {
    expect(errors).toBeUndefined();
    expect(data.tasks.nodes).toHaveLength(50);
    expect(data.tasks.nodes[0]).toMatchObject({ project: { name: "P" }, attempts: [{}, {}, {}] });
  }
});
