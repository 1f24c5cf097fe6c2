import { randomUUID } from "node:crypto";
import { escapeIdentifier } from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { Context } from "../../src/access/viewer.ts";
import { openDatabase } from "../../src/db/database.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { createTestDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { connectOwner } from "../support/owner.ts";
import { withProjects } from "./projects.ts";

const US = { projectId: "alpha", artifactType: "US" };

it("gives the same when the answer of a commit was lost, and looks for what it gave only then", async () => {
  const test = await createTestDatabase();
  onTestFinished(() => test.drop());
  const owner = await connectOwner(test);
  await owner.query(
    `ALTER DATABASE ${escapeIdentifier(new URL(test.ownerUrl).pathname.slice(1))} SET track_functions = 'pl'`,
  );
  await owner.query(`INSERT INTO namespaces (namespace, shared) VALUES ('alpha', false);
    INSERT INTO projects (project_id, name, id_namespace) VALUES ('alpha', 'alpha', 'alpha')`);
  const proxy = await startDatabaseProxy(test.url);
  const database = openDatabase({ url: proxy.url, size: 1, applicationName: "docket" });
  onTestFinished(() => database.close());
  const viewer = { actor: "a", name: "a", client: "c", keyId: null, projectIds: null, expiresAt: null } as const;
  const ctx: Context = { db: database, viewer: { ...viewer, role: "agent" }, correlationId: "test" };
  const calls = async () => {
    // On the one connection that the pool has: it would tell of them ten seconds later.
    await database.read("SELECT pg_stat_force_next_flush()");
    return Object.fromEntries(
      (
        await owner.query<{ funcname: string; calls: string }>(
          "SELECT funcname, calls FROM pg_stat_user_functions WHERE funcname IN ('hold_sequence', 'answer_given')",
        )
      ).rows.map(({ funcname, calls }) => [funcname, Number(calls)]),
    );
  };

  expect(await reserveIds(ctx, { ...US, count: 3 })).toMatchObject({ reservedIds: ["US-001", "US-002", "US-003"] });
  await expect.poll(calls).toEqual({ hold_sequence: 1 });

  proxy.loseAnswer("COMMIT");
  const [reserved, taken] = await Promise.all([reserveIds(ctx, { ...US, count: 2 }), takeId(ctx, US)]);
  expect(reserved).toMatchObject({ reservedIds: ["US-004", "US-005"], replayed: false });
  expect(taken).toMatchObject({ id: "US-006", lastAssigned: "US-005", replayed: false });
  await expect.poll(calls).toEqual({ hold_sequence: 2, answer_given: 2 });
  const { rows } = await owner.query("SELECT last_assigned_id::int AS last FROM id_registry");
  expect(rows).toEqual([{ last: 6 }]);
});

it("answers each request of a batch as if it had come alone, also under a key that came before in the batch", async () => {
  const t = await withProjects("alpha");
  const asked = (more: object) => ({
    ...US,
    operation: "reserveIds",
    reservationId: randomUUID(),
    actor: "a",
    count: 1,
    ...more,
  });
  const reserve = (more: object) => asked({ ttlSeconds: 60, ...more });
  const requests = [
    reserve({ count: 2, key: "k1", requestHash: "01" }),
    reserve({ projectId: "nowhere" }),
    reserve({ count: 2, key: "k1", requestHash: "01" }),
    reserve({ artifactType: "EPIC", taskId: "TASK-001", key: "k2", requestHash: "02" }),
    asked({ operation: "nextId", artifactType: "EPIC", key: "k2", requestHash: "03" }),
    reserve({ key: "k1", requestHash: "04" }),
    asked({ operation: "nextId" }),
    reserve({ artifactType: "NONE" }),
    asked({ operation: "nextId", artifactType: "EPIC" }),
    asked({ operation: "nextId", key: "k2", requestHash: "03", artifactType: "EPIC" }),
  ];
  const answers = await t.database.write<{ outcome: object }>("SELECT give_ids($1::jsonb, false) AS outcome", [
    JSON.stringify(requests),
  ]);
  const first = { reservationId: requests[0]?.reservationId, reservedIds: ["US-001", "US-002"] };
  expect(answers.map(({ outcome }) => outcome)).toEqual([
    {
      replayed: false,
      result: first,
      made: {
        projectId: "alpha",
        namespace: "alpha",
        artifactType: "US",
        reservedAt: expect.any(String),
        expiresAt: expect.any(String),
        branch: null,
        taskId: null,
      },
    },
    { error: "PROJECT_NOT_FOUND" },
    { replayed: true, result: first },
    { error: "TASK_NOT_FOUND" },
    { replayed: false, result: { id: "EPIC-002", lastAssigned: "EPIC-001" } },
    { error: "IDEMPOTENCY_KEY_REUSED" },
    { replayed: false, result: { id: "US-003", lastAssigned: "US-002" } },
    { error: "INVALID_ARTIFACT_TYPE", validTypes: expect.arrayContaining(["US"]) },
    { replayed: false, result: { id: "EPIC-001", lastAssigned: null } },
    { replayed: true, result: { id: "EPIC-002", lastAssigned: "EPIC-001" } },
  ]);
  expect((await t.events()).map(({ subject_id }) => subject_id)).toEqual([
    first.reservationId,
    "US-003",
    "EPIC-001",
    "EPIC-002",
  ]);
});
