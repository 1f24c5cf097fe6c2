import { expect, it } from "vitest";
import { acting } from "../../src/access/act-as.ts";
import { SERVER } from "../../src/access/viewer.ts";
import { pruneEnded } from "../../src/db/prune.ts";
import { releaseReservation } from "../../src/ids/release.ts";
import { reserveIds } from "../../src/ids/reserve.ts";
import { takeId } from "../../src/ids/take-id.ts";
import { insertKey } from "../../src/keys/create.ts";
import { makeSecret } from "../../src/keys/secret.ts";
import { createSignInToken, openSession } from "../../src/keys/sign-in.ts";
import { seedTasks, type VerbTest, verbTest } from "../support/verbs.ts";

/** What keeps each table from growing for ever. A new table needs a line here, and whatever makes it true. */
const BOUNDS: Readonly<Record<string, string>> = {
  _prisma_migrations: "one for each migration",
  api_keys: "users make keys; sessions and sign-in links are pruned 30 days after they expired",
  clock_offset: "only tests write it",
  deployment_tasks: "users record deployments",
  deployment_vendors: "users record deployments",
  deployments: "users record deployments",
  enhancements: "users add enhancements",
  event_inbox: "emptied by the drain",
  events: "its oldest part leaves it after DOCKET_LOG_MONTHS, to be kept or dropped by whoever runs the server",
  id_lane: "never has a row",
  id_registry: "one for each artifact type of a namespace",
  id_reservations: "users make IDs; what went back is pruned after 90 days",
  idempotency_keys: "pruned after 30 days",
  inbox_floor: "one row",
  log_floor: "one row",
  log_head: "one row",
  log_readers: "one for each sink; a webhook's goes with it",
  namespaces: "users make projects",
  project_budgets: "one for each project at most",
  project_configurations: "one for each project",
  project_log_floors: "one for each project",
  projects: "users make projects",
  recurrences: "one for each recurring task",
  reminder_schedule: "users set reminders, and move the due dates of tasks",
  task_attempts: "users make attempts",
  task_dependencies: "users make dependencies",
  task_texts: "one for each task",
  task_usage: "one for each attempt, model and day on which it was used",
  tasks: "users make tasks",
  vendors: "users add vendors",
  webhook_attempts: "go with their deliveries",
  webhook_deliveries: "a queue of bounded length for each webhook; what ended is pruned after 30 days, or 90",
  webhooks: "users make webhooks",
};

it("has no table that grows for ever but by what users make", async () => {
  const t = await verbTest();
  const { rows } = await t.owner.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
       AND relnamespace = 'public'::regnamespace ORDER BY relname COLLATE "C"`,
  );
  expect(rows.map(({ name }) => name)).toEqual(Object.keys(BOUNDS));
});

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

async function count(t: VerbTest, table: string): Promise<number> {
  return (await t.owner.query(`SELECT FROM ${table}`)).rowCount ?? 0;
}

it("forgets the answer to an idempotency key after 30 days, and not before", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const ask = () => takeId(t.as(), { projectId: "alpha", artifactType: "US", idempotencyKey: "k" });
  await ask();
  await t.pass(30 * DAY - MINUTE);
  expect(await pruneEnded(t.database)).toBe(false);
  expect(await ask()).toMatchObject({ id: "US-001", replayed: true });
  await t.pass(2 * MINUTE);
  expect(await pruneEnded(t.database)).toBe(false);
  expect(await count(t, "idempotency_keys")).toBe(0);
});

it("forgets browser sessions and sign-in links 30 days after they expired, and never a key", async () => {
  const t = await verbTest();
  const keyId = await acting(t.as(SERVER), (inside) =>
    insertKey(inside, makeSecret("key"), { name: "admin", role: "admin" }),
  );
  await openSession(t.database, await createSignInToken(t.database, keyId), "test");
  const kinds = async () =>
    (await t.owner.query("SELECT kind FROM api_keys ORDER BY kind")).rows.map(({ kind }) => kind);
  expect(await kinds()).toEqual(["key", "session", "sign_in"]);
  await t.pass(30 * DAY);
  await pruneEnded(t.database);
  expect(await kinds()).toEqual(["key", "session", "sign_in"]);
  // The link's ten minutes, then the session's twelve hours.
  await t.pass(11 * MINUTE);
  await pruneEnded(t.database);
  expect(await kinds()).toEqual(["key", "session"]);
  await t.pass(DAY / 2);
  await pruneEnded(t.database);
  expect(await kinds()).toEqual(["key"]);
});

it("forgets a reservation 90 days after its numbers went back, and keeps those that hold numbers", async () => {
  const t = await verbTest();
  await seedTasks(t, "alpha", 1);
  const reserve = () => reserveIds(t.as(), { projectId: "alpha", artifactType: "US", count: 3 });
  const { reservationId } = await reserve();
  await releaseReservation(t.as(), { reservationId });
  // The next one takes them back first.
  await reserve();
  const before = await count(t, "id_reservations");
  await t.pass(90 * DAY - MINUTE);
  await pruneEnded(t.database);
  expect(await count(t, "id_reservations")).toBe(before);
  await t.pass(2 * MINUTE);
  await pruneEnded(t.database);
  expect(await count(t, "id_reservations")).toBe(before - 1);
  expect((await t.owner.query("SELECT FROM id_reservations WHERE reservation_id = $1", [reservationId])).rowCount).toBe(
    0,
  );
});

it("prunes a little at a time, and says while there is more", async () => {
  const t = await verbTest();
  await t.owner.query(
    `INSERT INTO idempotency_keys (actor, key, operation, request_hash)
     SELECT 'a', 'k' || n, 'test', '' FROM generate_series(1, 501) n`,
  );
  await t.pass(31 * DAY);
  expect(await pruneEnded(t.database)).toBe(true);
  expect(await count(t, "idempotency_keys")).toBe(1);
  expect(await pruneEnded(t.database)).toBe(false);
  expect(await count(t, "idempotency_keys")).toBe(0);
});
