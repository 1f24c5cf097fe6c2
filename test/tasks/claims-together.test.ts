import { beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { makeProject, shareServer, type TestProject } from "../support/server.ts";
import { OWN_LOCK } from "../support/waiting.ts";

const shared = shareServer();

interface Claimed {
  readonly claimNextTask: {
    readonly task: { readonly taskId: string } | null;
    readonly attempt: string | null;
    readonly idle: { readonly pending: number; readonly held: number } | null;
    readonly replayed: boolean;
  };
}

const CLAIM = `mutation ($input: ClaimNextTaskInput!) {
  claimNextTask(input: $input) { task { taskId } attempt idle { pending held } replayed }
}`;

const descriptions = (count: number) => Array.from({ length: count }, (_, i) => `work ${i}`);

/** Keys of several agents, which ask at once. */
let keys: { secret: string; actor: string }[];

beforeAll(async () => {
  keys = await Promise.all(
    Array.from({ length: 4 }, async (_, i) => {
      const { secret } = await shared.server.makeKey({ name: `agent-${i}` });
      const { viewer } = await shared.server.ask<{ viewer: { actor: string } }>(
        "{ viewer { actor } }",
        {},
        { key: secret },
      );
      return { secret, actor: viewer.actor };
    }),
  );
});

/** How a claim is asked: every second one without an idempotency key. */
const asked = (projectId: string, i: number) => ({
  input: {
    projectId,
    worker: `worker-${i}`,
    leaseSeconds: 60 + i,
    ...(i % 2 === 0 && { idempotencyKey: `${projectId} ${i}` }),
  },
  key: keys[i % keys.length],
  client: `session-${i}`,
  request: `request-${projectId}-${i}`,
});

async function claim(projectId: string, i: number): Promise<Claimed["claimNextTask"]> {
  const { input, key, client, request } = asked(projectId, i);
  const asking = { ...(key && { key: key.secret }), client, headers: { "x-request-id": request } };
  return (await shared.server.ask<Claimed>(CLAIM, { input }, asking)).claimNextTask;
}

const all = <T>(count: number, one: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => one(i)));

/** Asks while no claim can be carried out: the first of each kind is under way, and all others wait. */
async function whileHeld<T>(ask: () => Promise<T>): Promise<{ asked: T; letGo: () => Promise<unknown> }> {
  await shared.owner.query("BEGIN; LOCK TABLE task_attempts IN SHARE MODE");
  const asked = await ask();
  // By the time that somebody who asks later has an answer, what was sent before waits.
  for (let i = 0; i < 3; i++) await shared.server.ask("{ viewer { name } }", {}, { key: shared.server.adminKey });
  return { asked, letGo: () => shared.owner.query("ROLLBACK") };
}

const idOf = ({ task }: Claimed["claimNextTask"]) => task?.taskId ?? "";

test("100 claims at once take each task once, in few transactions, and each is known by its own claimer", async () => {
  const { projectId } = await makeProject(shared.server, descriptions(90));
  const { asked: waiting, letGo } = await whileHeld(async () => [...Array(100).keys()].map((i) => claim(projectId, i)));
  await letGo();
  const answers = await Promise.all(waiting);
  const takers = answers.flatMap((answer, i) => (answer.task ? [{ answer, i }] : []));
  expect(new Set(takers.map(({ answer }) => idOf(answer))).size).toBe(90);
  expect(takers).toHaveLength(90);
  const idle = answers.filter(({ task }) => !task);
  expect(idle).toEqual(Array.from({ length: 10 }, () => expect.objectContaining({ idle: { pending: 0, held: 90 } })));

  const { rows: wrote } = await shared.owner.query<{ transactions: number }>(
    "SELECT count(DISTINCT xmin::text)::int AS transactions FROM task_attempts WHERE project_id = $1",
    [projectId],
  );
  expect(wrote[0]?.transactions).toBeLessThan(30);

  await shared.owner.query("SELECT drain()");
  const { rows } = await shared.owner.query(
    `SELECT e.subject_id AS task, e.actor, e.client, e.correlation_id AS request, e.payload ->> 'worker' AS worker,
       a.worker AS attempted, a.actor AS key, a.client AS session, a.attempt || '-' || a.secret AS attempt,
       extract(epoch FROM a.lease_expires_at - a.claimed_at)::int AS lease, t.claimed_by AS holder
     FROM events e JOIN task_attempts a ON a.project_id = e.project_id AND a.task_id = e.subject_id
     JOIN tasks t ON t.project_id = e.project_id AND t.task_id = e.subject_id
     WHERE e.project_id = $1 AND e.event_type = 'task.claimed' ORDER BY e.subject_id`,
    [projectId],
  );
  const expected = takers.map(({ answer, i }) => {
    const { input, key, client, request } = asked(projectId, i);
    return {
      task: idOf(answer),
      ...{ actor: key?.actor, client, request, worker: input.worker },
      ...{ attempted: input.worker, key: key?.actor, session: client, attempt: answer.attempt },
      ...{ lease: input.leaseSeconds, holder: input.worker },
    };
  });
  expect(rows).toEqual(expected.sort((a, b) => (a.task < b.task ? -1 : 1)));

  // Those with a key get the same again, all at once too, also where some have none yet.
  const again = await all(50, (i) => claim(projectId, 2 * i));
  again.forEach((answer, i) => {
    const first = answers[2 * i];
    expect({ task: answer.task, replayed: answer.replayed }).toEqual({
      task: first?.task,
      replayed: first?.task != null,
    });
  });
});

test("claims at once take by priority and place, the first what was pending and what others lost", async () => {
  const { projectId } = await makeProject(shared.server, descriptions(12));
  await all(6, (i) => claim(projectId, i));
  await shared.owner.query(
    `UPDATE tasks SET lease_expires_at = docket_now() - interval '1 s', priority = CASE task_id WHEN 'TASK-002' THEN 4 ELSE 1 END
     WHERE project_id = $1 AND status = 'in_progress'`,
    [projectId],
  );
  // All of one agent, so that they go together.
  const answers = await all(9, (i) => claim(projectId, 100 + i * keys.length));
  // Five that expired come first, and then the pending ones in their order.
  expect(answers.map(idOf).sort()).toEqual(
    [1, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => `TASK-${String(n).padStart(3, "0")}`),
  );
  await shared.owner.query("SELECT drain()");
  const { rows } = await shared.owner.query<{ types: string; requests: number }>(
    `SELECT string_agg(event_type, ' ' ORDER BY position) AS types, count(DISTINCT correlation_id)::int AS requests
     FROM events WHERE project_id = $1 AND correlation_id LIKE 'request-%-1__' GROUP BY subject_id ORDER BY subject_id`,
    [projectId],
  );
  expect(rows).toEqual([
    ...Array.from({ length: 5 }, () => ({ types: "task.lease_expired task.claimed", requests: 1 })),
    ...Array.from({ length: 4 }, () => ({ types: "task.claimed", requests: 1 })),
  ]);
});

test("gives one answer to claims at once with one idempotency key, and the others theirs", async () => {
  const { projectId, ask } = await makeProject(shared.server, descriptions(20));
  const answers = await all(20, async (i) => {
    const input = { projectId, idempotencyKey: `key ${Math.floor(i / 2)}` };
    return (await ask<Claimed>(CLAIM, { input })).claimNextTask;
  });
  for (let i = 0; i < 20; i += 2) {
    expect(answers[i]?.task).toEqual(answers[i + 1]?.task);
    expect(answers.slice(i, i + 2).filter(({ replayed }) => replayed)).toHaveLength(1);
  }
  expect(new Set(answers.map(idOf)).size).toBe(10);
});

const goneInLog = () => shared.server.logged.filter((line) => line["status_code"] === 499).length;

/** Sends a claim whose caller goes away when told. */
function send({ url, agentKey, projectId }: TestProject, caller: AbortController): void {
  fetch(`${url}/graphql`, {
    method: "POST",
    signal: caller.signal,
    headers: { "content-type": "application/json", authorization: `Bearer ${agentKey}` },
    body: JSON.stringify({ query: CLAIM, variables: { input: { projectId } } }),
  }).catch(() => undefined);
}

test("a claim that waits for a batch under way takes nothing when its caller goes away", async () => {
  const project = await makeProject(shared.server, descriptions(20));
  const claimOne = () => project.ask<Claimed>(CLAIM, { input: { projectId: project.projectId } });
  const before = goneInLog();
  const caller = new AbortController();
  const { asked, letGo } = await whileHeld(async () => {
    const first = claimOne();
    await eventually(async () => {
      const { rowCount } = await shared.owner.query(
        `SELECT FROM pg_locks WHERE relation = 'task_attempts'::regclass AND NOT granted AND ${OWN_LOCK}`,
      );
      expect(rowCount).toBeGreaterThan(0);
    });
    for (let i = 0; i < 5; i++) send(project, caller);
    return [first, claimOne(), claimOne(), claimOne()];
  });
  caller.abort();
  await eventually(() => expect(goneInLog() - before).toBe(5));
  await letGo();
  const answers = await Promise.all(asked);
  expect(answers.map(({ claimNextTask }) => idOf(claimNextTask)).sort()).toEqual([
    "TASK-001",
    "TASK-002",
    "TASK-003",
    "TASK-004",
  ]);
});
