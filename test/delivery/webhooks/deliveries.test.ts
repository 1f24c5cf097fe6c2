import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Managed, startManaged } from "./managed.ts";

let managed: Managed;
beforeAll(async () => {
  managed = await startManaged({ keepOpen: true });
});
afterAll(() => managed.close());

const PAGE = `query ($id: ID!, $status: WebhookDeliveryStatus, $first: Int, $after: String) {
  webhook(webhookId: $id) { deliveries(status: $status, first: $first, after: $after) {
    totalCount nodes { eventId subjectId } edges { cursor } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } } }`;
const WHOLE = `query ($id: ID!) { webhook(webhookId: $id) { pending dead deliveries { nodes {
  eventId eventType projectId subjectType subjectId status nextAttemptAt queuedAt endedAt
  attempts { attempt startedAt durationMs statusCode error response } lastAttempt { attempt error }
  event { eventId type number task { taskId status } }
} } } }`;

interface DeliveriesOfWebhook {
  readonly webhook: {
    readonly deliveries: {
      readonly totalCount: number;
      readonly nodes: { readonly eventId: string; readonly subjectId: string }[];
      readonly edges: { readonly cursor: string }[];
      readonly pageInfo: {
        readonly endCursor: string;
        readonly hasNextPage: boolean;
        readonly hasPreviousPage: boolean;
      };
    };
  };
}

/** A webhook to which so many tasks of alpha are queued. @returns its id, and the tasks', oldest first. */
async function withTasks(count: number): Promise<{ id: string; tasks: string[] }> {
  const id = (await managed.create({ projectIds: ["alpha"], types: ["task.created"] })).webhook.webhookId;
  const tasks: string[] = [];
  for (let i = 0; i < count; i++) tasks.push(await managed.addTask());
  await managed.queue(id);
  return { id, tasks };
}

describe("the delivery log of a webhook", () => {
  it("shows each delivery with its attempts and its event, the latest first", async () => {
    const { id, tasks } = await withTasks(3);
    const page = await managed.ask<DeliveriesOfWebhook>(PAGE, { id });
    const [third, second, first] = page.webhook.deliveries.nodes.map(({ eventId }) => eventId);
    await managed.end(id, "delivered", 1, first);
    await managed.end(id, "dead", 3, second);
    const common = { eventType: "task.created", projectId: "alpha", subjectType: "task", queuedAt: expect.any(String) };
    const attempt = { startedAt: expect.any(String), durationMs: 7 };
    const failed = { ...attempt, statusCode: 500, error: "It answered 500" };
    const event = (eventId: string | undefined, i: number) => ({
      eventId,
      type: "task.created",
      number: expect.any(Number),
      task: { taskId: tasks[i], status: "PENDING" },
    });
    expect(await managed.ask(WHOLE, { id })).toEqual({
      webhook: {
        pending: 1,
        dead: 1,
        deliveries: {
          nodes: [
            {
              ...common,
              eventId: third,
              subjectId: tasks[2],
              status: "PENDING",
              nextAttemptAt: expect.any(String),
              endedAt: null,
              attempts: [],
              lastAttempt: null,
              event: event(third, 2),
            },
            {
              ...common,
              eventId: second,
              subjectId: tasks[1],
              status: "DEAD",
              nextAttemptAt: null,
              endedAt: expect.any(String),
              attempts: [
                { ...failed, attempt: 1, response: "answer 1" },
                { ...failed, attempt: 2, response: "answer 2" },
                { ...failed, attempt: 3, response: "answer 3" },
              ],
              lastAttempt: { attempt: 3, error: "It answered 500" },
              event: event(second, 1),
            },
            {
              ...common,
              eventId: first,
              subjectId: tasks[0],
              status: "DELIVERED",
              nextAttemptAt: null,
              endedAt: expect.any(String),
              attempts: [{ ...attempt, attempt: 1, statusCode: 204, error: null, response: "answer 1" }],
              lastAttempt: { attempt: 1, error: null },
              event: event(first, 0),
            },
          ],
        },
      },
    });
  });

  it("comes in pages that show each delivery once, while new ones arrive and others change", async () => {
    const { id, tasks } = await withTasks(5);
    const seen: string[] = [];
    let after: string | null = null;
    for (const [count, hasNextPage] of [
      [2, true],
      [2, true],
      [1, false],
    ] as const) {
      const { deliveries }: DeliveriesOfWebhook["webhook"] = (
        await managed.ask<DeliveriesOfWebhook>(PAGE, { id, first: 2, after })
      ).webhook;
      expect(deliveries).toMatchObject({ pageInfo: { hasNextPage, hasPreviousPage: after !== null } });
      expect(deliveries.nodes).toHaveLength(count);
      expect(deliveries.edges.at(-1)?.cursor).toBe(deliveries.pageInfo.endCursor);
      seen.push(...deliveries.nodes.map(({ subjectId }) => subjectId));
      after = deliveries.pageInfo.endCursor;
      await managed.addTask();
      await managed.queue(id);
      await managed.end(id, "delivered");
    }
    expect(seen).toEqual([...tasks].reverse());
    expect(await managed.ask(PAGE, { id, first: 0 })).toMatchObject({
      webhook: { deliveries: { totalCount: 8, nodes: [], pageInfo: { hasNextPage: true, endCursor: null } } },
    });
  });

  it("can be limited to a status, and shows the dead letters of all webhooks in one query", async () => {
    const { id, tasks } = await withTasks(2);
    const other = await withTasks(1);
    await managed.end(id, "dead");
    await managed.addTask();
    await managed.queue(id);
    expect(await managed.ask(PAGE, { id, status: "DEAD" })).toMatchObject({
      webhook: { deliveries: { totalCount: 2, nodes: [{ subjectId: tasks[1] }, { subjectId: tasks[0] }] } },
    });
    expect(
      await managed.ask(
        "{ webhooks(first: 2) { nodes { webhookId dead deliveries(status: DEAD) { nodes { subjectId } } } } }",
      ),
    ).toEqual({
      webhooks: {
        nodes: [
          { webhookId: other.id, dead: 0, deliveries: { nodes: [] } },
          { webhookId: id, dead: 2, deliveries: { nodes: [{ subjectId: tasks[1] }, { subjectId: tasks[0] }] } },
        ],
      },
    });
  });

  it("has no event where the log no longer holds it, even if another one has its place", async () => {
    const { id } = await withTasks(1);
    await managed.owner.query("UPDATE webhook_deliveries SET event_id = gen_random_uuid() WHERE webhook_id = $1", [id]);
    await managed.owner.query(
      `INSERT INTO webhook_deliveries (webhook_id, position, event_id, event_type, project_id, subject_type, subject_id, next_attempt_at)
       SELECT webhook_id, 900000, gen_random_uuid(), event_type, project_id, subject_type, subject_id, docket_now()
       FROM webhook_deliveries WHERE webhook_id = $1`,
      [id],
    );
    expect(
      await managed.ask("query ($id: ID!) { webhook(webhookId: $id) { deliveries { nodes { event { eventId } } } } }", {
        id,
      }),
    ).toEqual({ webhook: { deliveries: { nodes: [{ event: null }, { event: null }] } } });
  });

  it.each([
    [{ first: 101 }, /0 to 100 items, not 101/],
    [{ first: -1 }, /0 to 100 items, not -1/],
    [{ after: "nothing" }, /cursor does not belong/],
    [{ after: "00000000-0000-4000-8000-000000000000" }, /cursor does not belong/],
  ])("refuses %o, and answers other fields all the same", async (page, message) => {
    const { id } = await withTasks(1);
    const { data, errors } = await managed.server.gql(
      `query ($id: ID!, $first: Int, $after: String) { webhook(webhookId: $id) {
        wrong: deliveries(first: $first, after: $after) { nodes { eventId } } right: deliveries { totalCount } } }`,
      { id, ...page },
      { key: managed.server.adminKey },
    );
    expect(errors).toMatchObject([
      { message: expect.stringMatching(message), path: ["webhook", "wrong"], extensions: { code: "BAD_USER_INPUT" } },
    ]);
    expect(data).toEqual({ webhook: { wrong: null, right: { totalCount: 1 } } });
  });

  it("pages through the attempts of each delivery, and answers for the last of each", async () => {
    const { id } = await withTasks(2);
    await managed.end(id, "dead", 0);
    await managed.owner.query(
      `INSERT INTO webhook_attempts (webhook_id, position, attempt, started_at, duration_ms, error)
       SELECT webhook_id, position, n, docket_now(), 1, 'It broke' FROM webhook_deliveries, generate_series(1, 120) n
       WHERE webhook_id = $1`,
      [id],
    );
    const read = async (fields: string) => {
      const { webhook } = await managed.ask<{ webhook: { deliveries: { nodes: Record<string, unknown>[] } } }>(
        `query ($id: ID!) { webhook(webhookId: $id) { deliveries { nodes { ${fields} } } } }`,
        { id },
      );
      return webhook.deliveries.nodes;
    };
    const numbers = (from: number, to: number) =>
      Array(2).fill({ attempts: Array.from({ length: to - from + 1 }, (_, i) => ({ attempt: from + i })) });
    expect(await read("attempts { attempt }")).toEqual(numbers(1, 50));
    expect(await read("attempts(first: 100, after: 50) { attempt }")).toEqual(numbers(51, 120));
    const latest = "orderBy: {field: ATTEMPT, direction: DESC}";
    expect(await read(`attempts(first: 2, ${latest}) { attempt }`)).toEqual(
      Array(2).fill({ attempts: [{ attempt: 120 }, { attempt: 119 }] }),
    );
    expect(await read(`attempts(first: 2, after: 3, ${latest}) { attempt }`)).toEqual(
      Array(2).fill({ attempts: [{ attempt: 2 }, { attempt: 1 }] }),
    );
    expect(await read("lastAttempt { attempt } same: lastAttempt { error }")).toEqual(
      Array(2).fill({ lastAttempt: { attempt: 120 }, same: { error: "It broke" } }),
    );
    const [refused] =
      (await managed.refused(
        "{ webhooks(first: 1) { nodes { deliveries { nodes { attempts(first: 101) { attempt } } } } } }",
      )) ?? [];
    expect(refused?.extensions["code"]).toBe("BAD_USER_INPUT");
  });

  it("is read in a handful of statements, however many webhooks and deliveries there are", async () => {
    const { server, ask, queue, create } = managed;
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) ids.push((await create({ types: ["task.*"] })).webhook.webhookId);
    for (let i = 0; i < 5; i++) await managed.addTask();
    for (const id of ids) await queue(id);
    let taken = 0;
    const count = () => void taken++;
    server.database.pool.on("acquire", count);
    const answer = await ask<{ webhooks: { nodes: { pending: number; deliveries: { nodes: unknown[] } }[] } }>(
      `{ webhooks(first: 30) { nodes { pending dead behind deliveries(first: 20) { nodes {
        attempts(first: 10) { attempt } lastAttempt { error } event { task { description } } } } } } }`,
    );
    server.database.pool.off("acquire", count);
    expect(answer.webhooks.nodes.map(({ pending, deliveries }) => [pending, deliveries.nodes.length])).toEqual(
      ids.map(() => [5, 5]),
    );
    // What runs beside a request (drain, tail) asks now and then as well; one per webhook would be 30 more.
    expect(taken).toBeLessThanOrEqual(30);
  });
});
