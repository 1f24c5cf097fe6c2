import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { schema } from "../../schema/index.ts";
import type { Changes } from "../../src/log/write/changes.ts";
import { TASK } from "../../src/tasks/fields.ts";
import { connectOwner, type Owner } from "../support/owner.ts";
import { startTestServer } from "../support/server.ts";
import { EXAMPLES, requests } from "./every-mutation.ts";

interface EventRow {
  readonly what: string;
  readonly actor: string;
  readonly client: string;
  /** null: it is about something else. */
  readonly taskId: string | null;
  readonly payload: { readonly task?: Document; readonly changes?: Changes };
}

/** A statement that reads everything in the database but the log, and when keys were last used: a digest of each table. */
async function digestsIn(owner: Owner) {
  const { rows } = await owner.query<{ text: string }>(
    `SELECT string_agg(format($$SELECT %L AS name, md5(coalesce(string_agg(row::text, ' ' ORDER BY row::text), '')) AS digest
       FROM (SELECT to_jsonb(t) - 'last_used_at' AS row FROM %I t) rows$$, relname, relname), ' UNION ALL ' ORDER BY relname) AS text
     FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
       AND relname !~ '^(events_from_|event_inbox|inbox_floor|log_head|_prisma)'`,
  );
  return { name: "digests", text: rows[0]?.text ?? "" };
}

type Digests = Awaited<ReturnType<typeof digestsIn>>;

/** Planned once, as it is asked for each mutation. */
async function stateOf(owner: Owner, digests: Digests): Promise<Record<string, string>> {
  const { rows } = await owner.query<{ name: string; digest: string }>(digests);
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}

type Document = Readonly<Record<string, unknown>>;

/** Every task as events carry it, and its place in the queue. */
async function tasksOf(owner: Owner): Promise<Map<string, Document>> {
  const { rows } = await owner.query<{ task_id: string; task: Document }>(
    `SELECT t.task_id, ${TASK.document("t")} || jsonb_build_object('queuePosition', t.queue_position) AS task
     FROM tasks t ORDER BY t.task_id`,
  );
  return new Map(rows.map(({ task_id, task }) => [task_id, task]));
}

/** What every change of a task moves on, so that no event tells it as a change. */
const COUNTED = ["version", "updatedAt"];

/** Mutations that change a task and leave its version, each with its reason. */
const WITHOUT_VERSION: Readonly<Record<string, string>> = {
  acknowledgeReminder: "Nothing is changed of what people say of the task.",
  renewTaskLease: "A holder that keeps its task does not spoil the change that somebody else prepares.",
};

/**
 * The changes that the events of an operation tell, made one after the other, lead from the tasks before it to those after;
 * and the version of each task that it changed has moved.
 */
function requireTold(
  name: string,
  before: ReadonlyMap<string, Document>,
  after: ReadonlyMap<string, Document>,
  events: readonly EventRow[],
): void {
  const told = new Map(before);
  for (const { taskId, payload } of events) {
    if (taskId === null) continue;
    // Of a new task no event tells the place: behind all others.
    const { queuePosition } = after.get(taskId) ?? {};
    const task: Record<string, unknown> = { ...(told.get(taskId) ?? { ...payload.task, queuePosition }) };
    for (const [field, change] of Object.entries(payload.changes ?? {})) {
      expect([name, taskId, field, task[field]]).toEqual([name, taskId, field, change.old]);
      task[field] = change.new;
    }
    told.set(taskId, task);
  }
  for (const [taskId, task] of after) {
    const counts = Object.fromEntries(COUNTED.map((field) => [field, task[field]]));
    expect([name, { ...told.get(taskId), ...counts }]).toEqual([name, task]);
    const was = before.get(taskId);
    const moves = was !== undefined && !isDeepStrictEqual(was, task) && !(name in WITHOUT_VERSION);
    if (was) expect([name, taskId, task["version"] !== was["version"]]).toEqual([name, taskId, moves]);
  }
}

async function countEvents(owner: Owner): Promise<number> {
  await owner.query("SELECT drain()");
  return (await owner.query<{ n: number }>("SELECT count(*)::int AS n FROM events")).rows[0]?.n ?? 0;
}

test("every mutation leaves an event of each subject it changed, by whom and from which request, or changes nothing", async () => {
  const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
  expect(Object.keys(EXAMPLES).toSorted()).toEqual(mutations.toSorted());
  // Without jobs, which add events of their own.
  const server = await startTestServer({ env: { DOCKET_JOBS: "none" } });
  const owner = await connectOwner(server.test);
  const digests = await digestsIn(owner);
  await owner.query(`CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no event today'; END $$`);
  const reader = (await server.makeKey({ name: "reader", role: "reader" })).secret;
  const { rows: keys } = await owner.query<{ actor: string }>(
    "SELECT prefix || '/' || name AS actor FROM api_keys WHERE name = 'admin'",
  );

  for await (const { name, input, document, example } of requests(server, { key: server.adminKey })) {
    const send = (key: string, request: string) =>
      server.gql(document, { input }, { key, client: `session of ${name}`, headers: { "x-request-id": request } });
    if (example.prepare) await owner.query(example.prepare, [input["webhookId"]]);
    const events = await countEvents(owner);
    const before = await stateOf(owner, digests);
    const tasks = await tasksOf(owner);

    // Not allowed to; and, for all that it may do, with an event that cannot be stored.
    expect([name, (await send(reader, "refused")).errors?.[0]?.extensions["code"]]).toEqual([name, "FORBIDDEN"]);
    await owner.query(
      "CREATE TRIGGER refuse BEFORE INSERT ON event_inbox FOR EACH ROW EXECUTE FUNCTION refuse_event()",
    );
    expect([name, (await send(server.adminKey, "failed")).errors?.[0]?.extensions["code"]]).toEqual([name, "INTERNAL"]);
    await owner.query("DROP TRIGGER refuse ON event_inbox");
    expect([name, await stateOf(owner, digests)]).toEqual([name, before]);
    expect([name, await countEvents(owner)]).toEqual([name, events]);

    const request = `request-of-${name}`;
    expect([name, await send(server.adminKey, request)]).toEqual([name, { data: { [name]: { replayed: false } } }]);
    expect([name, await countEvents(owner)]).toEqual([name, events + example.events.length]);
    const { rows } = await owner.query<EventRow>(
      `SELECT event_type || ' ' || subject_type || ' ' || subject_id AS what, actor, client, payload,
         CASE subject_type WHEN 'task' THEN subject_id END AS "taskId"
       FROM events WHERE correlation_id = $1 ORDER BY position`,
      [request],
    );
    const whats = rows.map(({ what }, i) => (example.events[i]?.endsWith("*") ? what.replace(/\S+$/, "*") : what));
    expect([name, whats]).toEqual([name, example.toldByServer ? [] : example.events]);
    for (const { actor, client } of rows)
      expect([name, actor, client]).toEqual([name, keys[0]?.actor, `session of ${name}`]);

    requireTold(name, tasks, await tasksOf(owner), rows);

    const after = await stateOf(owner, digests);
    expect([name, after]).not.toEqual([name, before]);
    expect([name, await send(server.adminKey, "replayed")]).toEqual([name, { data: { [name]: { replayed: true } } }]);
    expect([name, await stateOf(owner, digests)]).toEqual([name, after]);
    expect([name, await countEvents(owner)]).toEqual([name, events + example.events.length]);
  }
});

test("an update tells what each field was and what it is, and nothing when nothing changed", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  const asking = { key: server.adminKey };
  await server.ask('mutation { createProject(input: {projectId: "alpha", name: "Alpha"}) { replayed } }', {}, asking);
  await server.ask(
    'mutation { addTasks(input: {projectId: "alpha", tasks: [{description: "a", labels: ["x"]}]}) { replayed } }',
    {},
    asking,
  );
  for (const change of [
    'updateTask(input: {taskId: "TASK-001", title: "New", priority: 0, labels: []}) { replayed }',
    'updateTask(input: {taskId: "TASK-001", title: "New", priority: 0, labels: []}) { replayed }',
    'updateProject(input: {projectId: "alpha", name: "Beta"}) { replayed }',
    'updateProject(input: {projectId: "alpha", name: "Beta"}) { replayed }',
  ])
    await server.ask(`mutation { ${change} }`, {}, asking);
  await countEvents(owner);
  const { rows } = await owner.query(
    "SELECT event_type, payload FROM events WHERE event_type IN ('task.updated', 'project.configured') ORDER BY position",
  );
  expect(rows).toEqual([
    {
      event_type: "task.updated",
      payload: {
        changes: { title: { old: null, new: "New" }, priority: { old: 2, new: 0 }, labels: { old: ["x"], new: [] } },
      },
    },
    { event_type: "project.configured", payload: { changes: { name: { old: "Alpha", new: "Beta" } } } },
  ]);
});

test("renewing a lease without a checkpoint is the one write that leaves no event: it changes no task", async () => {
  const server = await startTestServer();
  const owner = await connectOwner(server.test);
  await server.ask(
    'mutation { addTasks(input: {projectId: "alpha", createProject: true, tasks: [{description: "a"}]}) { replayed } }',
  );
  await server.ask('mutation { claimNextTask(input: {projectId: "alpha"}) { attempt } }');
  const events = await countEvents(owner);
  const version = () => owner.query("SELECT version FROM tasks").then(({ rows }) => rows);
  const before = await version();
  await server.ask('mutation { renewTaskLease(input: {taskId: "TASK-001"}) { leaseExpiresAt } }');
  expect(await countEvents(owner)).toBe(events);
  expect(await version()).toEqual(before);
});
