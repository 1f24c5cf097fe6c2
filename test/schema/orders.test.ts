import { getNamedType, isEnumType, isInputObjectType } from "graphql";
import { beforeAll, expect, it } from "vitest";
import { schema } from "../../schema/index.ts";
import { shareServer } from "../support/server.ts";

/** Every list that can be ordered: what names a row of it, and what stands around it. */
const LISTS: Readonly<Record<string, { key: string; around?: string; of?: string }>> = {
  "Query.tasks": { key: "taskId" },
  "Project.tasks": { key: "taskId", around: 'project(projectId: "p-1")' },
  "Query.projects": { key: "projectId" },
  "Query.reminders": { key: "reminderId" },
  "Query.reservations": { key: "reservationId" },
  "Project.reservations": { key: "reservationId", around: 'project(projectId: "p-1")' },
  "Task.reservations": { key: "reservationId", around: 'task(projectId: "p-1", taskId: "TASK-001")' },
  "Task.children": { key: "taskId", around: 'task(projectId: "p-1", taskId: "TASK-008")' },
  "Task.instances": { key: "taskId", around: 'task(projectId: "p-1", taskId: "TASK-009")' },
  "Task.related": { key: "kind", around: 'task(projectId: "p-1", taskId: "TASK-001")' },
  "Project.keys": { key: "keyId", around: 'project(projectId: "p-1")' },
  "Query.apiKeys": { key: "keyId" },
  "Query.vendors": { key: "vendorId" },
  "Query.enhancements": { key: "enhancementId" },
  "Query.deployments": { key: "deploymentId" },
  "Vendor.deployments": { key: "deploymentId", around: 'vendor(projectId: "p-1", name: "Vendor 1")' },
  "Task.deployments": { key: "deploymentId", around: 'task(projectId: "p-1", taskId: "TASK-001")' },
  "Query.webhooks": { key: "webhookId" },
  "Webhook.deliveries": { key: "eventId", around: "webhooks(first: 1) { nodes" },
};

interface Place {
  readonly list: string;
  readonly field: string;
  readonly direction: "ASC" | "DESC";
}

const places: Place[] = Object.keys(LISTS).flatMap((list) =>
  fieldsOf(list).flatMap((field) => [
    { list, field, direction: "ASC" as const },
    { list, field, direction: "DESC" as const },
  ]),
);

function fieldsOf(list: string): string[] {
  const order = orderOf(list);
  const { field } = isInputObjectType(order) ? order.getFields() : {};
  const fields = field && getNamedType(field.type);
  return isEnumType(fields) ? fields.getValues().map(({ name }) => name) : [];
}

function orderOf(list: string) {
  const [type = "", name = ""] = list.split(".");
  const found = schema.getType(type);
  const argument = found && "getFields" in found ? found.getFields()[name] : undefined;
  const order = argument && "args" in argument ? argument.args.find((arg) => arg.name === "orderBy") : undefined;
  return order && getNamedType(order.type);
}

const shared = shareServer();

beforeAll(async () => {
  const { server, owner } = shared;
  await owner.query(`INSERT INTO namespaces (namespace, shared) SELECT 'p-' || n, false FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO projects (project_id, name, id_namespace, created_at)
    SELECT 'p-' || n, 'P' || n % 3, 'p-' || n, now() - make_interval(hours => n % 2) FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO tasks (project_id, task_id, description, priority, attempts, status, due_date, started_at, created_at)
    SELECT 'p-1', 'TASK-00' || n, 'work', n % 3, n % 3, CASE n % 4 WHEN 1 THEN 'completed' WHEN 2 THEN 'in_progress' ELSE 'pending' END,
      CASE n % 2 WHEN 0 THEN now() - make_interval(hours => n % 4) END,
      CASE n % 3 WHEN 0 THEN now() - make_interval(hours => n) END, now() - make_interval(hours => n % 2)
    FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO task_attempts
      (project_id, task_id, attempt, actor, claimed_at, lease_expires_at, ended_at, outcome)
    SELECT 'p-1', 'TASK-00' || n, a, 'x', now(), now(), now(), CASE a WHEN 4 THEN 'released' ELSE 'expired' END
    FROM generate_series(1, 7) n, generate_series(1, n % 5) a`);
  await owner.query("INSERT INTO tasks (project_id, task_id, description) VALUES ('p-1', 'TASK-008', 'parent')");
  await owner.query("UPDATE tasks SET parent_task_id = 'TASK-008' WHERE task_id <> 'TASK-008'");
  await owner.query(
    "INSERT INTO tasks (project_id, task_id, description, is_template) VALUES ('p-1', 'TASK-009', 'again', true)",
  );
  await owner.query(`UPDATE tasks SET parent_recurring_task_id = 'TASK-009', occurrence_date = date '2026-01-01' + right(task_id, 1)::integer
    WHERE task_id < 'TASK-008'`);
  await owner.query(`INSERT INTO task_dependencies (project_id, task_id, depends_on_project_id, depends_on_task_id, kind)
    SELECT 'p-1', 'TASK-001', 'p-1', 'TASK-00' || n, k FROM generate_series(2, 7) n,
      unnest(ARRAY['relates_to', 'duplicates', 'discovered_from']) k`);
  for (let n = 1; n <= 7; n++) {
    const { reserveIds } = await server.ask<{ reserveIds: { reservation: { reservationId: string } } }>(
      `mutation ($ttl: Int) { reserveIds(input: {projectId: "p-1", artifactType: "US", taskId: "TASK-001", ttlSeconds: $ttl}) { reservation { reservationId } } }`,
      { ttl: 900 + 100 * (n % 3) },
    );
    if (n % 3 === 0)
      await server.ask("mutation ($id: ID!) { confirmReservation(input: {reservationId: $id}) { replayed } }", {
        id: reserveIds.reservation.reservationId,
      });
    await server.makeKey({ name: `key ${n % 3}` });
  }
  await owner.query(`INSERT INTO reminder_schedule (project_id, task_id, user_id, trigger_at, reminder_offset, offset_seconds, created_at)
    SELECT 'p-1', 'TASK-001', 'x', now() - make_interval(hours => n % 2), n || ' minutes', n * 60, now() - make_interval(hours => n % 3)
    FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO vendors (project_id, name, status, created_by, created_at, updated_at)
    SELECT 'p-1', 'Vendor ' || n, 'broken', 'x', now() - make_interval(hours => n % 2), now() - make_interval(hours => n % 3)
    FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO enhancements (project_id, title, description, priority, created_by, created_at, updated_at)
    SELECT 'p-1', 'E' || n % 3, 'x', 1 + n % 3, 'x', now() - make_interval(hours => n % 2), now() - make_interval(hours => n % 3)
    FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO deployments (project_id, commit_hash, pr_number, pr_title, test_summary,
      constitutional_compliance, created_by, deployed_at, created_at)
    SELECT 'p-1', repeat('a', 40), 1 + n % 3, 'a', '{}', true, 'x', now() - make_interval(hours => n % 2), now() - make_interval(hours => n % 3)
    FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO deployment_vendors (project_id, deployment_id, vendor_id)
    SELECT d.project_id, deployment_id, vendor_id FROM deployments d, vendors WHERE name = 'Vendor 1'`);
  await owner.query(`INSERT INTO deployment_tasks (project_id, deployment_id, task_id)
    SELECT d.project_id, deployment_id, 'TASK-001' FROM deployments d`);
  await owner.query(`UPDATE api_keys SET last_used_at = CASE WHEN name LIKE '% 1' THEN created_at END,
    expires_at = CASE WHEN name LIKE '% 2' THEN created_at + interval '1 day' END WHERE name LIKE 'key %'`);
  await owner.query(`INSERT INTO webhooks (url, secret, created_by, created_at)
    SELECT 'https://x.example/' || n % 3, 'whsec_' || repeat('x', 32), 'x', now() - make_interval(hours => n % 2)
    FROM generate_series(1, 7) n`);
  await owner.query(`INSERT INTO webhook_deliveries
      (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, status, ended_at)
    SELECT webhook_id, i, gen_random_uuid(), 'task.created', 'p-1', 'task', 'TASK-001', 'dead', now()
    FROM webhooks, generate_series(1, 7) i`);
});

const fieldsWith = (...names: readonly string[]) =>
  Object.values(schema.getTypeMap()).flatMap((type) =>
    "getFields" in type && !isInputObjectType(type)
      ? Object.values(type.getFields())
          .filter(({ args }) => names.every((name) => args.some((arg) => arg.name === name)))
          .map((field) => `${type.name}.${field.name}`)
      : [],
  );

/**
 * Lists that are no connections: pages of the log are tested with the log, workers with the statistics, attempts of
 * deliveries with these, attempts and dependencies of tasks, what deployments were about and sequences with the lists that
 * have no cursors.
 */
const isNoConnection = (list: string) =>
  [".history", ".attempts", ".blockedBy", ".blocks", ".idRegistry"].some((name) => list.endsWith(name)) ||
  ["Query.events", "Project.events", "Query.workers", "Deployment.vendors", "Deployment.tasks"].includes(list);

it("knows every list that takes an order", () => {
  const ordered = fieldsWith("orderBy").filter((list) => !isNoConnection(list));
  expect(ordered.sort()).toEqual(Object.keys(LISTS).sort());
  expect(new Set(places.map(({ list }) => list)).size).toBe(ordered.length);
});

it("lets every list that comes in pages be ordered, but for a search, where the best comes first, and for dates", () => {
  const ordered = [...fieldsWith("orderBy"), "Query.searchTasks", "Query.upcomingOccurrences"];
  expect(fieldsWith("first", "after").filter((list) => !ordered.includes(list))).toEqual([]);
});

it.each(places)("pages through $list by $field $direction without skipping or repeating", async (place) => {
  const { list, field, direction } = place;
  const { key = "", around } = LISTS[list] ?? {};
  const name = list.split(".")[1] ?? "";
  const value = field.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  // QUEUE and EVENT are the place in a row of things that no field tells, TASK is of another noun.
  const shown = ["QUEUE", "EVENT", "TASK"].includes(field) ? "" : value;
  const page = (alias: string, args: string) =>
    `${alias}: ${name}(orderBy: {field: ${field}, direction: ${direction}}, ${args}) {
      edges { cursor node { ${key} ${shown} } } pageInfo { endCursor hasNextPage startCursor hasPreviousPage } }`;
  const pages = async (...asked: readonly (readonly [string, string])[]) => {
    const document = asked.map(([alias, args]) => page(alias, args)).join(" ");
    const { server } = shared;
    const data = await server.ask<Record<string, never>>(
      around ? `{ ${around} { ${document} ${"}".repeat(around.split("{").length)} }` : `{ ${document} }`,
      {},
      { key: server.adminKey },
    );
    return asked.map(([alias]) => {
      const found: { edges: { node: Record<string, unknown> }[]; pageInfo: Record<string, unknown> } = find(
        data,
        alias,
      );
      return { rows: found.edges.map(({ node }) => node), pageInfo: found.pageInfo };
    });
  };
  const forward: unknown[] = [];
  const backward: unknown[] = [];
  let all: Record<string, unknown>[] = [];
  // Both ways at once: each page and each way has its own statements, and a request costs as much as these.
  let [onward, back] = ["first: 3", list === "Webhook.deliveries" ? "" : "last: 3"];
  for (let asked: [string, string][] = [["all", "first: 100"]]; onward || back; asked = []) {
    if (onward) asked.push(["forward", onward]);
    if (back) asked.push(["backward", back]);
    for (const [i, { rows, pageInfo }] of (await pages(...asked)).entries()) {
      const keys = rows.map((row) => row[key]);
      if (asked[i]?.[0] === "all") all = rows;
      else if (asked[i]?.[0] === "forward") {
        forward.push(...keys);
        onward = pageInfo["hasNextPage"] ? `first: 3, after: "${pageInfo["endCursor"]}"` : "";
      } else {
        backward.unshift(...keys);
        back = pageInfo["hasPreviousPage"] ? `last: 3, before: "${pageInfo["startCursor"]}"` : "";
      }
    }
  }

  expect(all.length).toBeGreaterThan(6);
  const values = all.map((row) => row[value]).filter((one) => one !== null && shown !== "");
  const sorted = [...values].sort((a, b) => (a === b ? 0 : String(a) < String(b) ? -1 : 1));
  expect(values).toEqual(direction === "ASC" ? sorted : sorted.reverse());
  // What has no such value comes last, whichever way.
  expect(all.slice(0, values.length).every((row) => row[value] !== null)).toBe(true);
  expect(forward).toEqual(all.map((row) => row[key]));
  if (list !== "Webhook.deliveries") expect(backward).toEqual(forward);
});

/** The first value of that name, at any depth. */
function find(data: unknown, name: string): never {
  const left = [data];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (typeof at !== "object" || at === null) continue;
    if (name in at) return (at as Record<string, never>)[name] as never;
    left.push(...Object.values(at));
  }
  throw new Error(`No ${name} in the answer`);
}
