import { EventEmitter } from "node:events";
import { escapeIdentifier } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SERVER } from "../../src/access/viewer.ts";
import { PooledClient } from "../../src/db/pooled-client.ts";
import { pruneEnded } from "../../src/db/prune.ts";
import { expireReservations, reservationsDueInMs } from "../../src/ids/expire.ts";
import { instancesDueInMs, makeDueInstances } from "../../src/schedule/due-instances.ts";
import { expireLeases, leasesDueInMs } from "../../src/tasks/expire-leases.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

/** What statements may not read whole, nor sort. */
const LARGE = /^(tasks|task_texts|task_attempts|id_reservations|idempotency_keys|events_from_\d+)$/;
/** Rows that one statement may read of a large table, or sort: many pages, and far fewer than there are. */
const MOST_ROWS = 2_500;

/** What else a statement may do, as it was asked to. */
const ALLOWED: readonly (readonly [RegExp, RegExp])[] = [
  // The counts of all projects read every task once, as each is counted; none is sorted.
  [/count\(\*\) FILTER \(WHERE t\.status = /, /^reads \d+ rows of tasks /],
  // The first tasks of all, in whatever status: an index of that order would be written by every claim and completion.
  [/FROM tasks t WHERE \(t\.project_id NOT IN .*NOT t\.is_template\)/s, /^reads all of tasks/],
];

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** A statement as it was carried out, also within a function. */
interface Carried {
  readonly text: string;
  readonly nodes: readonly PlanNode[];
}

const nodesOf = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** What is wrong with how it was carried out. */
function faultsOf({ text, nodes }: Carried): string[] {
  return nodes.flatMap((node) => {
    const read = (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"];
    const table = node["Relation Name"] ?? "";
    const fault =
      LARGE.test(table) && node["Node Type"] === "Seq Scan"
        ? `reads all of ${table}`
        : LARGE.test(table) && /Scan/.test(node["Node Type"]) && read > MOST_ROWS
          ? `reads ${read} rows of ${table} by ${node["Index Name"]}`
          : /Sort$/.test(node["Node Type"]) && read > MOST_ROWS
            ? `sorts ${read} rows`
            : undefined;
    const allowed = ALLOWED.some(([statement, what]) => statement.test(text) && what.test(fault ?? ""));
    return fault && !allowed ? [`${fault}: ${text}`] : [];
  });
}

/** 30,000 tasks, 18,000 attempts, 30,000 reservations, 30,000 events and 10,000 answers, loaded at once by plain SQL. */
const LOAD = `
  INSERT INTO namespaces (namespace, shared) SELECT 'p' || p, false FROM generate_series(1, 5) p;
  INSERT INTO projects (project_id, name, id_namespace) SELECT 'p' || p, 'p' || p, 'p' || p FROM generate_series(1, 5) p;
  INSERT INTO tasks (project_id, task_id, description, priority, status, claimed_by, attempts, lease_expires_at, started_at, completed_at)
  SELECT 'p' || p, 'TASK-' || lpad(n::text, greatest(3, length(n::text)), '0'), 'work ' || n, n % 5, s,
    CASE WHEN s = 'in_progress' THEN 'w' END, CASE WHEN s = 'pending' THEN 0 ELSE 1 END,
    -- One in a hundred of those in progress has ended.
    CASE WHEN s = 'in_progress' THEN now() + interval '1 hour' * CASE WHEN n % 1000 = 5 THEN -1 ELSE 1 END END,
    CASE WHEN s <> 'pending' THEN now() END, CASE WHEN s = 'completed' THEN now() END
  FROM generate_series(1, 5) p, generate_series(1, 6000) n,
    LATERAL (SELECT CASE WHEN n % 20 = 5 THEN 'in_progress' WHEN n % 10 < 6 THEN 'completed' ELSE 'pending' END AS s) status;
  INSERT INTO task_attempts (project_id, task_id, attempt, worker, actor, client, lease_expires_at, ended_at, outcome)
  SELECT project_id, task_id, 1, 'w', 'a', 'c', coalesce(lease_expires_at, now()),
    CASE WHEN status = 'completed' THEN now() END, CASE WHEN status = 'completed' THEN 'completed' END
  FROM tasks WHERE attempts = 1;
  INSERT INTO id_registry (namespace, artifact_type, last_assigned_id)
  SELECT 'p' || p, t, 10000 FROM generate_series(1, 5) p, unnest('{US,TASK}'::text[]) t;
  -- Half are confirmed, others returned or open, and one in forty is due now.
  INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, reserved_at, expires_at, confirmed_at, expired_at, returned_at)
  SELECT 'p' || p, t, 'p' || p, int8multirange(int8range(n, n + 1)), now() - n * interval '1 s',
    now() + interval '1 hour' * CASE WHEN n % 8 < 6 OR n % 40 <> 7 AND n % 8 = 7 THEN 1 ELSE -1 END,
    CASE WHEN n % 8 < 4 THEN now() END, CASE WHEN n % 8 = 6 THEN now() END, CASE WHEN n % 8 = 6 THEN now() END
  FROM generate_series(1, 5) p, unnest('{US,TASK}'::text[]) t, generate_series(6001, 9000) n;
  INSERT INTO events (position, number, event_id, event_type, project_id, subject_type, subject_id, actor, occurred_at, payload, hash)
  SELECT n, n / 5 + 1, gen_random_uuid(), 'task.updated', 'p' || n % 5 + 1, 'task', 'TASK-' || lpad((n / 50 + 1)::text, 3, '0'), 'a', now(),
    CASE WHEN n % 3 = 0 THEN jsonb_build_object('reservationIds', jsonb_build_array(gen_random_uuid())) ELSE '{}' END, ''
  FROM generate_series(1, 30000) n;
  -- What recurs, and is due in the course of a year.
  INSERT INTO tasks (project_id, task_id, description, priority, due_date, recurrence_pattern)
  SELECT 'p5', artifact_id('TASK', n), 'again ' || n, 4, now() + interval '1 year', 'daily' FROM generate_series(6001, 16000) n;
  UPDATE recurrences SET starts_on = now(), until = now() + interval '1 year', due_time = '09:00', next_on = now() + interval '1 day',
    next_at = now() + right(task_id, 3)::integer * interval '9 hours' + interval '1 hour', tz_version = '9999z';
  INSERT INTO idempotency_keys (actor, key, operation, request_hash, result, created_at)
  SELECT 'a', 'k' || n, 'test', '', '{}', now() - interval '1 hour' * n / 10 FROM generate_series(1, 10000) n`;

let test: TestDatabase;
let owner: Owner;

beforeAll(async () => {
  test = await createTestDatabase();
  owner = await connectOwner(test, { keepOpen: true });
  // Each connection from here on tells how it carried out what.
  const database = escapeIdentifier(new URL(test.ownerUrl).pathname.slice(1));
  for (const [name, value] of Object.entries({
    session_preload_libraries: "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
  }))
    await owner.query(`ALTER DATABASE ${database} SET ${name} = '${value}'`);
  await owner.query(LOAD);
});

afterAll(async () => {
  await owner.end();
  await test.drop();
});

/** Runs `work` on a server whose connections plan so, and returns what they carried out. */
async function carriedOut(mode: string, work: (server: TestServer) => Promise<void>): Promise<Carried[]> {
  const database = escapeIdentifier(new URL(test.ownerUrl).pathname.slice(1));
  await owner.query(`ALTER DATABASE ${database} SET plan_cache_mode = ${mode}`);
  const carried: Carried[] = [];
  const emit = vi.spyOn(PooledClient.prototype, "emit").mockImplementation(function (this: PooledClient, name, ...of) {
    const [notice] = of as [{ message?: string }?];
    const json = name === "notice" ? notice?.message?.match(/^duration: .* plan:\n(.*)$/s)?.[1] : undefined;
    if (json !== undefined) {
      const { "Query Text": text, Plan } = JSON.parse(json) as { "Query Text": string; Plan: PlanNode };
      carried.push({ text, nodes: nodesOf(Plan) });
    }
    return EventEmitter.prototype.emit.call(this, name, ...of);
  });
  try {
    const server = await startTestServer({ test, keepOpen: true });
    await work(server).finally(() => server.close());
  } finally {
    emit.mockRestore();
  }
  return carried;
}

/** All that is hot, as clients ask for it and as jobs do. */
async function useAll(server: TestServer): Promise<void> {
  const ask = async <Data>(document: string) => server.ask<Data>(document);
  const taken = await ask<{ claimNextTask: { task: { taskId: string }; attempt: string } }>(
    'mutation { claimNextTask(input: {projectId: "p1"}) { task { taskId } attempt } }',
  );
  const { task, attempt } = taken.claimNextTask;
  const held = `projectId: "p1", taskId: "${task.taskId}", attempt: "${attempt}"`;
  await ask(`mutation { renewTaskLease(input: {${held}}) { leaseExpiresAt } }`);
  await ask(
    `mutation { updateTaskStatus(input: {${held}, status: COMPLETED, completionNotes: "done"}) { task { status } } }`,
  );
  const briefed = "briefing { checkpoint attempts { number } }";
  const { claimNextTask: again } = await ask<{ claimNextTask: { task: { taskId: string }; attempt: string } }>(
    `mutation { claimNextTask(input: {projectId: "p1"}) { task { taskId } attempt ${briefed} } }`,
  );
  await ask(
    `mutation { completeAndClaimNext(input: {projectId: "p1", taskId: "${again.task.taskId}", attempt: "${again.attempt}"}) { task { taskId } ${briefed} } }`,
  );
  for (const wanted of ["", ", kinds: [TASK]"])
    await ask(`mutation { claimNextTask(input: {projects: ["p1", "p2", "p3"]${wanted}}) { task { taskId } } }`);
  const limit = (most: string) =>
    server.ask(
      `mutation { updateProject(input: {projectId: "p4", maxInProgress: ${most}}) { replayed } }`,
      {},
      { key: server.adminKey },
    );
  await limit("1000");
  await ask('mutation { claimNextTask(input: {projectId: "p4"}) { task { taskId } } }');
  await limit("null");
  await ask('{ nextTask(projects: ["p1", "p2", "p3"]) { task { taskId } } }');
  await ask(
    'mutation { addTasks(input: {projectId: "p2", tasks: [{description: "a"}, {description: "b"}]}) { tasksAdded } }',
  );
  const { reserveIds } = await ask<{ reserveIds: { reservation: { reservationId: string } } }>(
    `mutation { reserveIds(input: {projectId: "p3", artifactType: "US", count: 6, idempotencyKey: "${Math.random()}"}) { reservation { reservationId ids } } }`,
  );
  await ask(
    `mutation { confirmReservation(input: {reservationId: "${reserveIds.reservation.reservationId}"}) { reservation { ids } } }`,
  );
  await ask('mutation { takeId(input: {projectId: "p3", artifactType: "TASK"}) { id } }');
  await ask('mutation { registerIds(input: {projectId: "p3", ids: ["US-5999"]}) { registered } }');
  await ask('{ task(projectId: "p1", taskId: "TASK-100") { status attempts { number } } }');
  await ask('{ tasks(first: 50, filter: {projects: ["p1"], status: {eq: PENDING}}) { nodes { taskId } } }');
  await ask('{ tasks(first: 50, filter: {projects: ["p1", "p2"], status: {eq: PENDING}}) { nodes { taskId } } }');
  await ask("{ tasks(first: 50, filter: {status: {eq: PENDING}}) { nodes { taskId } } }");
  await ask("{ tasks(first: 50, filter: {status: {eq: IN_PROGRESS}}) { nodes { taskId } } }");
  await ask("{ tasks(first: 50) { nodes { taskId } } }");
  await ask("{ projects(first: 20) { nodes { projectId taskCounts { status count } } } }");
  await ask("{ statusCounts { status count } }");
  await ask(
    "{ projects(first: 20) { nodes { tasks(first: 5, filter: {status: {eq: PENDING}}) { nodes { taskId } } } } }",
  );
  await ask('{ nextTask(projectId: "p1") { task { taskId } } }');
  await ask('{ idRegistry(projectId: "p3", artifactType: "US") { lastAssigned nextAvailable } }');
  await ask('{ reservations(first: 20, filter: {projects: ["p3"]}) { nodes { ids } } }');
  await ask('{ reservations(first: 20, filter: {projects: ["p3"]}) { nodes { history { events { type } } } } }');
  await ask('{ events(first: 50, filter: {projects: ["p1"]}) { events { type } } }');
  await ask(
    `{ events(filter: {subjects: [{type: "reservation", ids: ["${reserveIds.reservation.reservationId}"]}]}) { events { type } } }`,
  );
  const jobs = { db: server.database, viewer: SERVER, correlationId: "test" };
  await leasesDueInMs(server.database);
  await expireLeases(jobs);
  await reservationsDueInMs(server.database);
  await expireReservations(server.database);
  await pruneEnded(server.database);
  await instancesDueInMs(server.database);
  await makeDueInstances(jobs);
}

/** The index by which what is hot is found. */
const FOUND_BY: readonly (readonly [RegExp, readonly string[]])[] = [
  [/heads AS MATERIALIZED/, ["idx_tasks_ready", "idx_tasks_waiting", "idx_tasks_lease"]],
  [/pending AS \(/, ["idx_tasks_ready", "idx_tasks_waiting", "idx_tasks_lease"]],
  [
    /id_reservations r\s+WHERE .* r\.expires_at <= now\s+ORDER BY r\.expires_at LIMIT 500/s,
    ["idx_reservations_open", "id_reservations_reservation_id_key"],
  ],
  [/coalesce\(r\.released_at, r\.expires_at\) <= horizon/, ["idx_reservations_ended"]],
  [/FROM recurrences r WHERE r\.next_at IS NOT NULL .* LIMIT 1\)/s, ["idx_recurrences_due"]],
  [/r\.next_at <= \(SELECT docket_now\(\)\) ORDER BY r\.next_at/, ["idx_recurrences_due"]],
  [/DELETE FROM event_inbox/, ["event_inbox_pkey"]],
  [/^SELECT extract\(epoch FROM expires_at - /, ["idx_reservations_due"]],
  [/ AS wanted \(of\) CROSS JOIN LATERAL \(/, ["idx_tasks_pending"]],
  [/ AS wanted \(project_id, subject_id, /, ["project_id_subject_id_position_idx", "expr_idx"]],
  [/ AS wanted \(subject_type, subject_id\)/, ["project_id_subject_id_position_idx", "expr_idx"]],
];

describe.each(["right after a load", "once the tables are analysed"])("%s, at 100,000 rows", (state) => {
  beforeAll(async () => {
    if (state.startsWith("once")) await owner.query("ANALYZE");
  });

  it.each(["force_custom_plan", "force_generic_plan"])("finds what is hot by indexes, under %s", async (mode) => {
    const carried = await carriedOut(mode, useAll);
    expect([...new Set(carried.flatMap(faultsOf))]).toEqual([]);
    for (const [text, indexes] of FOUND_BY) {
      const used = carried
        .filter((one) => text.test(one.text))
        .flatMap(({ nodes }) => nodes.map((node) => node["Index Name"]?.replace(/^events_from_1_/, "")));
      expect(used, String(text)).toEqual(expect.arrayContaining([...indexes]));
    }
  });
});
