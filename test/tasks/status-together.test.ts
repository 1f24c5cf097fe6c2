import { expect, it } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import type { Statement } from "../../src/db/database.ts";
import { COMPLETE_HELD } from "../../src/tasks/complete-together.ts";
import { addDependency } from "../../src/tasks/dependencies/add.ts";
import { renewTaskLease } from "../../src/tasks/renew-lease.ts";
import { RENEW_HELD } from "../../src/tasks/renew-together.ts";
import { TAKE_ASKED } from "../../src/tasks/take-asked.ts";
import { updateTaskStatus } from "../../src/tasks/update-status.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

const TOGETHER = new Set([TAKE_ASKED.name, COMPLETE_HELD.name, RENEW_HELD.name]);

/** A caller, and by which of the statements for several callers something was done for it. */
function watched(ctx: Context): { ctx: Context; sent: string[] } {
  const sent: string[] = [];
  const { db } = ctx;
  const write: typeof db.write = async (statement: Statement, ...rest) => {
    const rows = await db.write<never>(statement, ...rest);
    if (typeof statement === "object" && TOGETHER.has(statement.name)) sent.push(...rows.map(() => statement.name));
    return rows;
  };
  return { ctx: { ...ctx, db: { ...db, write } }, sent };
}

async function given({ owner }: VerbTest, projectId: string, taskId: string): Promise<string> {
  const { rows } = await owner.query<{ given: string }>(
    "SELECT attempt || '-' || secret AS given FROM task_attempts WHERE project_id = $1 AND task_id = $2",
    [projectId, taskId],
  );
  return rows[0]?.given ?? "";
}

/** All that is known of a project's tasks, with every instant as such and without what differs between projects. */
async function stateOf(t: VerbTest, projectId: string): Promise<unknown> {
  await t.owner.query("SELECT drain()");
  const { rows } = await t.owner.query(
    `SELECT (SELECT jsonb_agg(to_jsonb(t) - '{queue_position,xid}'::text[] ORDER BY task_id) FROM tasks t WHERE project_id = $1) AS tasks,
       (SELECT jsonb_agg(to_jsonb(a) - '{secret}'::text[] ORDER BY task_id, attempt) FROM task_attempts a WHERE project_id = $1) AS attempts,
       (SELECT jsonb_agg(jsonb_build_array(event_type, subject_id, actor, client, correlation_id, payload) ORDER BY position)
        FROM events WHERE project_id = $1) AS events,
       (SELECT jsonb_agg(jsonb_build_array(operation, result) ORDER BY key) FROM idempotency_keys WHERE key LIKE $1 || ' %') AS answers`,
    [projectId],
  );
  const text = JSON.stringify(rows).replaceAll(/"\d{4}-\d\d-\d\dT[^"]+"/g, '"an instant"');
  return JSON.parse(text.replaceAll(projectId, "the project"));
}

it.each([
  ["by its attempt", true],
  ["by its session", false],
])(
  "does for several callers at once to the letter what each call does that is judged, the holder known %s",
  async (_, byAttempt) => {
    const t = await verbTest();
    const day = async (projectId: string, judged: boolean) => {
      await seedTasks(t, projectId, 1);
      const { ctx, sent } = watched(t.as());
      let version = 1;
      // A version that is expected is judged.
      const expected = () => judged && { expectedVersion: version++ };
      const address = { projectId, taskId: "TASK-001" };
      const attempt = async () => byAttempt && { attempt: await given(t, projectId, "TASK-001") };
      const key = (idempotencyKey: string) => ({ idempotencyKey: `${projectId} ${idempotencyKey}` });
      const said = { worker: "anna", leaseSeconds: 77 };
      const begin = { ...address, ...key("begin"), ...said, status: "in_progress", ...expected() } as const;
      const answers: object[] = [await updateTaskStatus(ctx, begin)];
      const renew = { ...address, ...(await attempt()), leaseSeconds: 99 };
      answers.push(await renewTaskLease(ctx, judged ? { ...renew, idempotencyKey: "judged" } : renew));
      const end = {
        ...address,
        ...(await attempt()),
        ...key("end"),
        completionNotes: "done",
        status: "completed",
      } as const;
      answers.push(await updateTaskStatus(ctx, { ...end, ...expected() }));
      const replays = [await updateTaskStatus(ctx, begin)];
      expect(replays).toMatchObject([{ replayed: true, attempt: 1, worker: "anna" }]);
      expect(sent).toEqual(judged ? [] : [TAKE_ASKED.name, RENEW_HELD.name, COMPLETE_HELD.name]);
      return JSON.parse(
        JSON.stringify(answers, (name, value) =>
          name === "secret" || name === "leaseExpiresAt" ? undefined : value,
        ).replaceAll(projectId, "the project"),
      );
    };
    const together = await day("alpha", false);
    const state = await stateOf(t, "alpha");
    expect(await day("beta", true)).toEqual(together);
    expect(await stateOf(t, "beta")).toEqual(state);
  },
);

it("gives each of many callers at once what is theirs, and the others a reason", async () => {
  const t = await verbTest();
  const tasks = await seedTasks(t, "alpha", 40);
  const callers = Array.from({ length: 80 }, (_, i) =>
    t.as({ actor: `dk_${i % 4}/agent`, client: `session-${i}`, name: `agent-${i}` }),
  );
  const of = (i: number) => ({ projectId: "alpha", taskId: tasks[i % 40] ?? "" });
  const claims = await Promise.allSettled(
    callers.map((ctx, i) => updateTaskStatus(ctx, { ...of(i), status: "in_progress", idempotencyKey: `claim ${i}` })),
  );
  const taken = claims.flatMap((claim, i) => (claim.status === "fulfilled" ? [i] : []));
  expect(new Set(taken.map((i) => i % 40)).size).toBe(40);
  expect(taken).toHaveLength(40);
  for (const claim of claims)
    if (claim.status === "rejected") expect(claim.reason).toMatchObject({ code: "LEASE_LOST" });

  const renewals = await Promise.allSettled(
    callers.map((ctx, i) => renewTaskLease(ctx, { ...of(i), leaseSeconds: 60 + i })),
  );
  expect(renewals.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []))).toEqual(taken);

  const ends = await Promise.allSettled(
    callers.map((ctx, i) => updateTaskStatus(ctx, { ...of(i), status: "completed", completionNotes: `by ${i}` })),
  );
  expect(ends.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : []))).toEqual(taken);
  await t.owner.query("SELECT drain()");
  const { rows } = await t.owner.query(
    `SELECT e.event_type AS type, e.subject_id AS task, e.actor, e.client, t.completion_notes AS notes, a.client AS session,
       round(extract(epoch FROM a.lease_expires_at - a.last_renewed_at))::int AS lease, t.version
     FROM events e JOIN tasks t ON t.task_id = e.subject_id JOIN task_attempts a ON a.task_id = t.task_id ORDER BY e.position`,
  );
  const expected = (type: string) =>
    taken.map((i) => ({
      ...{ type, task: of(i).taskId, actor: `dk_${i % 4}/agent`, client: `session-${i}`, session: `session-${i}` },
      ...{ notes: `by ${i}`, lease: 60 + i, version: 3 },
    }));
  expect(rows).toHaveLength(80);
  expect(rows).toEqual(expect.arrayContaining([...expected("task.claimed"), ...expected("task.completed")]));
});

it("judges by themselves the completion of what others wait for, and every call that is not plainly the holder's", async () => {
  const t = await verbTest();
  const [first = "", second = ""] = await seedTasks(t, "alpha", 2);
  const { ctx } = watched(t.as());
  const address = { projectId: "alpha", taskId: first };
  await addDependency(ctx, {
    projectId: "alpha",
    taskId: second,
    dependsOn: { projectId: "alpha", taskId: first },
  });
  await updateTaskStatus(ctx, { ...address, status: "in_progress" });
  const [, secret] = (await given(t, "alpha", first)).split("-");
  for (const attempt of [`2-${secret}`, "1-000000000000", "none", `1-${secret}0`]) {
    await expect(renewTaskLease(ctx, { ...address, attempt })).rejects.toMatchObject({ code: "LEASE_LOST" });
    const end = { ...address, attempt, status: "completed" } as const;
    await expect(updateTaskStatus(ctx, end)).rejects.toMatchObject({ code: "LEASE_LOST" });
  }
  const limited = t.as({ projectIds: ["beta"] });
  await expect(updateTaskStatus(limited, { ...address, status: "completed" })).rejects.toMatchObject({
    code: "PROJECT_NOT_FOUND",
  });
  await updateTaskStatus(ctx, { ...address, status: "completed" });
  expect((await t.events()).map(({ type, subject_id }) => [type, subject_id]).slice(-2)).toEqual([
    ["task.unblocked", second],
    ["task.completed", first],
  ]);
});

it("is not planned anew for each call", async () => {
  const t = await verbTest();
  const ctx = t.as();
  for (const taskId of await seedTasks(t, "alpha", 12)) {
    await updateTaskStatus(ctx, { projectId: "alpha", taskId, status: "in_progress" });
    await renewTaskLease(ctx, { projectId: "alpha", taskId });
    await updateTaskStatus(ctx, { projectId: "alpha", taskId, status: "completed" });
  }
  // One call after the other: all went over the connection that is asked.
  const rows = await t.database.read<{ name: string; planned: number }>(
    "SELECT name, custom_plans::int AS planned FROM pg_prepared_statements WHERE name = ANY ($1) ORDER BY name",
    [[...TOGETHER]],
  );
  expect(rows).toEqual([...TOGETHER].sort().map((name) => ({ name, planned: 5 })));
});
