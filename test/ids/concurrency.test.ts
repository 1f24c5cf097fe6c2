import { expect, it } from "vitest";
import { openDatabase } from "../../src/db/database.ts";
import { confirmReservation } from "../../src/ids/confirm.ts";
import { extendReservation } from "../../src/ids/extend.ts";
import { registerIds } from "../../src/ids/register.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { updateProject } from "../../src/projects/update.ts";
import { addTasks } from "../../src/tasks/add.ts";
import { PATIENCE } from "../support/patience.ts";
import { type VerbTest, verbTest } from "../support/verbs.ts";
import { OWN_LOCK } from "../support/waiting.ts";
import { idsFrom, withProjects } from "./projects.ts";

const US = { projectId: "alpha", artifactType: "US" };

const counters = async ({ owner }: VerbTest) =>
  (await owner.query<{ last: number }>("SELECT last_assigned_id::int AS last FROM id_registry")).rows.map(
    ({ last }) => last,
  );

/** Another server process's pool on the same database; it combines for itself. */
async function withSecondProcess<T>(t: VerbTest, work: (second: VerbTest["database"]) => Promise<T>): Promise<T> {
  const second = openDatabase({
    url: t.test.url,
    size: 25,
    applicationName: "docket second process",
    patience: PATIENCE,
  });
  try {
    return await work(second);
  } finally {
    await second.close();
  }
}

it("gives 50 reservations of 6 at once 300 distinct IDs and leaves the counter at 300", async () => {
  const t = await withProjects("alpha");
  const answers = await Promise.all(Array.from({ length: 50 }, () => reserveIds(t.as(), { ...US, count: 6 })));
  const ids = answers.flatMap(({ reservedIds }) => reservedIds).sort();
  expect(ids).toEqual(idsFrom("US", 1, 300));
  for (const { reservedIds } of answers) {
    const numbers = reservedIds.map((id) => Number(id.slice(3)));
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i));
  }
  expect(await counters(t)).toEqual([300]);
});

it("lets two processes reserve in one sequence at once", async () => {
  const t = await withProjects("alpha");
  await withSecondProcess(t, async (second) => {
    const contexts = [t.as(), { ...t.as(), db: second }];
    // One after another in each of 20 agents, so that the processes' batches meet again and again.
    const agents = Array.from({ length: 20 }, async (_, i) => {
      const got: string[] = [];
      for (let n = 0; n < 5; n++) {
        const ctx = contexts[i % 2] ?? t.as();
        got.push(...(await reserveIds(ctx, { ...US, count: 3 })).reservedIds);
      }
      return got;
    });
    expect((await Promise.all(agents)).flat().sort()).toEqual(idsFrom("US", 1, 300));
    expect(await counters(t)).toEqual([300]);
  });
});

it("reserves once for duplicates of a request that reach two processes together", async () => {
  const t = await withProjects("alpha");
  await withSecondProcess(t, async (second) => {
    const input = { ...US, count: 2, idempotencyKey: "k1" };
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => reserveIds(t.as(), input)),
      ...Array.from({ length: 5 }, () => reserveIds({ ...t.as(), db: second }, input)),
    ]);
    expect(new Set(answers.map(({ reservationId }) => reservationId)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });
});

it("serves 20 namespaces from two processes at once, and no serialization failure reaches anyone", async () => {
  const projects = Array.from({ length: 20 }, (_, i) => `project-${i}`);
  const t = await withProjects(...projects);
  await withSecondProcess(t, async (second) => {
    const work = projects.flatMap((projectId, i) =>
      [t.database, second].map(async (db) => {
        for (let n = 0; n < 4; n++)
          await reserveIds({ ...t.as(), db }, { projectId, artifactType: "US", count: 1 + (i % 3) });
      }),
    );
    await Promise.all(work);
  });
  expect((await counters(t)).sort((a, b) => a - b)).toEqual(
    projects.map((_, i) => 8 * (1 + (i % 3))).sort((a, b) => a - b),
  );
});

it("lets every kind of writer work on one sequence at once without a number given twice", async () => {
  const t = await verbTest();
  const ctx = t.as({ role: "admin" });
  await takeId(ctx, { ...US, createProject: true });
  // The numbers below are void: only registerIds may take them.
  await registerIds(ctx, { projectId: "alpha", ids: ["TASK-500"] });
  const work = Array.from({ length: 12 }, async (_, i): Promise<unknown> => {
    const reserved = await reserveIds(ctx, { ...US, artifactType: "TASK", count: 2 });
    const { reservationId } = reserved;
    await takeId(ctx, { ...US, artifactType: "TASK" });
    await updateProject(ctx, { projectId: "alpha", name: `name ${i}` });
    await addTasks(ctx, { projectId: "alpha", tasks: [{ description: "a" }, { description: "b" }] });
    await registerIds(ctx, { projectId: "alpha", ids: [`EPIC-0${10 + i}`, `TASK-${100 + i}`] });
    if (i % 3 === 0) return confirmReservation(ctx, { reservationId });
    if (i % 3 === 1) return confirmReservation(ctx, { reservationId, ids: reserved.reservedIds.slice(0, 1) });
    return releaseReservation(ctx, { reservationId });
  });
  await Promise.all(work);
  const { rows } = await t.owner.query(`SELECT count(*)::int AS given, count(DISTINCT n)::int AS numbers
    FROM id_reservations r, unnest(r.numbers) run, generate_series(lower(run), upper(run) - 1) n
    WHERE artifact_type = 'TASK' AND confirmed_at IS NOT NULL`);
  // Kept: 12 by takeId, 24 tasks, 13 registered, 4 × 2 and 4 × 1 confirmed.
  expect(rows).toEqual([{ given: 61, numbers: 61 }]);
  expect((await t.owner.query("SELECT FROM tasks")).rowCount).toBe(24);
});

it("lets one of two verbs under one key win and refuses the other, however many pairs meet", async () => {
  const t = await withProjects("alpha");
  const keys = Array.from({ length: 10 }, (_, i) => `key-${i}`);
  const answers = await Promise.allSettled(
    keys.flatMap((idempotencyKey, i) => [
      reserveIds(t.as(), { ...US, idempotencyKey }),
      registerIds(t.as(), { projectId: "alpha", ids: [`EPIC-0${10 + i}`], idempotencyKey }),
    ]),
  );
  const pairs = keys.map((_, i) => answers.slice(2 * i, 2 * i + 2));
  for (const pair of pairs) {
    expect(pair.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const lost = pair.find(({ status }) => status === "rejected");
    expect(lost).toMatchObject({ reason: { code: "IDEMPOTENCY_KEY_REUSED" } });
  }
  expect((await t.owner.query("SELECT FROM id_reservations")).rowCount).toBe(10);
});

it("locks nothing else while it waits for the lane, so that nobody waits in a circle", async () => {
  const t = await withProjects("alpha");
  const reserve = async () => (await reserveIds(t.as(), US)).reservationId;
  const reservationIds = [await reserve(), await reserve(), await reserve()];
  const [confirmed = "", extended = "", released = ""] = reservationIds;
  const alpha = { projectId: "alpha" };
  await t.owner.query("BEGIN; LOCK TABLE id_lane IN EXCLUSIVE MODE");
  const work = [
    addTasks(t.as(), { ...alpha, tasks: [{ description: "a" }], idempotencyKey: "k1" }),
    registerIds(t.as(), { ...alpha, ids: ["US-100"], idempotencyKey: "k2" }),
    confirmReservation(t.as(), { reservationId: confirmed, idempotencyKey: "k3" }),
    extendReservation(t.as(), { reservationId: extended, idempotencyKey: "k4" }),
    releaseReservation(t.as(), { reservationId: released, idempotencyKey: "k5" }),
  ];
  const waiting = `SELECT pid FROM pg_locks WHERE relation = 'id_lane'::regclass AND NOT granted AND ${OWN_LOCK}`;
  await expect.poll(async () => (await t.owner.query(waiting)).rowCount).toBe(5);
  const { rows } = await t.owner.query(
    `SELECT relation::regclass FROM pg_locks WHERE granted AND locktype = 'relation' AND pid IN (${waiting})`,
  );
  expect(rows).toEqual([]);
  await t.owner.query("COMMIT");
  expect(await Promise.all(work)).toMatchObject(work.map(() => ({ replayed: false })));
});

it("is not failed by a project or task that changes under a reservation's snapshot", async () => {
  const t = await withProjects("alpha");
  await addTasks(t.as(), { projectId: "alpha", tasks: [{ description: "a" }] });
  await t.database.transaction(
    async (db) => {
      await db.write("LOCK TABLE id_lane IN EXCLUSIVE MODE");
      await db.read("SELECT count(*) FROM projects");
      await t.owner.query("UPDATE projects SET name = 'renamed', version = version + 1");
      await t.owner.query("UPDATE tasks SET priority = 1, version = version + 1");
      const request = {
        reservationId: crypto.randomUUID(),
        ...US,
        count: 1,
        ttlSeconds: 60,
        taskId: "TASK-001",
        actor: "a",
      };
      await db.write("SELECT give_ids($1::jsonb)", [JSON.stringify([request])]);
    },
    { isolation: "SERIALIZABLE" },
  );
  expect(await counters(t)).toEqual(expect.arrayContaining([1]));
});
