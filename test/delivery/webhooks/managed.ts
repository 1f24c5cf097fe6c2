import { queueOf } from "../../../src/delivery/webhooks/queue.ts";
import type { Webhook } from "../../../src/delivery/webhooks/webhook.ts";
import { systemClock } from "../../../src/log/clock.ts";
import { pump } from "../../../src/log/sinks/pump.ts";
import { silent } from "../../log/open-log.ts";
import { connectOwner, type Owner } from "../../support/owner.ts";
import { type GraphQLAnswer, startTestServer, type TestServer } from "../../support/server.ts";

export interface Created {
  readonly webhook: { readonly webhookId: string };
  readonly secret: string | null;
  readonly replayed: boolean;
}

/** A server that sends nothing by itself: what is queued, and when, is the test's to say. */
export interface Managed {
  readonly server: TestServer;
  readonly owner: Owner;
  /** Asks as the unlimited admin, or with the key. */
  ask<Data>(document: string, variables?: object, key?: string): Promise<Data>;
  refused(document: string, variables?: object, key?: string): Promise<GraphQLAnswer<unknown>["errors"]>;
  create(input?: object, key?: string): Promise<Created>;
  /** Adds a task: one event of the project. @returns its id. */
  addTask(projectId?: string): Promise<string>;
  /** Queues for the webhook all that the log holds for it. */
  queue(webhookId: string): Promise<void>;
  /** Ends what is pending, or the one of the event, as if it had been sent `attempts` times. */
  end(webhookId: string, status: "delivered" | "dead", attempts?: number, eventId?: string): Promise<void>;
  close(): Promise<void>;
}

/** With the projects alpha and beta. Ends with the test, unless it is kept open for `beforeAll`. */
export async function startManaged(options: { readonly keepOpen?: boolean } = {}): Promise<Managed> {
  const server = await startTestServer(options);
  const owner = await connectOwner(server.test, options);
  const ask = <Data>(document: string, variables: object = {}, key = server.adminKey) =>
    server.ask<Data>(document, variables, { key });
  for (const projectId of ["alpha", "beta"])
    await ask('mutation ($id: ID!) { createProject(input: {projectId: $id, name: "P"}) { replayed } }', {
      id: projectId,
    });
  return {
    server,
    owner,
    ask,
    refused: async (document, variables = {}, key = server.adminKey) =>
      (await server.gql(document, variables, { key })).errors,

    async create(input = {}, key) {
      const { createWebhook } = await ask<{ createWebhook: Created }>(
        "mutation ($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { webhookId } secret replayed } }",
        { input: { url: "https://hooks.example/docket", ...input } },
        key,
      );
      return createWebhook;
    },

    async addTask(projectId = "alpha") {
      const { addTasks } = await ask<{ addTasks: { taskIds: string[] } }>(
        'mutation ($id: ID!) { addTasks(input: {projectId: $id, tasks: [{description: "work"}]}) { taskIds } }',
        { id: projectId },
      );
      return addTasks.taskIds[0] ?? "";
    },

    async queue(webhookId) {
      await server.database.read("SELECT drain()");
      const wanted = await server.database.read<Pick<Webhook, "webhookId" | "projectIds" | "types">>(
        `SELECT webhook_id AS "webhookId", project_ids AS "projectIds", event_types AS types FROM webhooks
         WHERE webhook_id = $1`,
        [webhookId],
      );
      for (const webhook of wanted) while (await pump(server.database, systemClock, silent, queueOf(webhook)));
    },

    async end(webhookId, status, attempts = 1, eventId) {
      await owner.query(
        `WITH ended AS (
           UPDATE webhook_deliveries SET status = $2, attempts = $3, next_attempt_at = NULL, ended_at = docket_now()
           WHERE webhook_id = $1 AND status = 'pending' AND ($4::uuid IS NULL OR event_id = $4) RETURNING position)
         INSERT INTO webhook_attempts (webhook_id, position, attempt, started_at, duration_ms, status_code, error, response)
         SELECT $1, position, n, docket_now(), 7, CASE $2 WHEN 'dead' THEN 500 ELSE 204 END,
           CASE $2 WHEN 'dead' THEN 'It answered 500' END, 'answer ' || n
         FROM ended CROSS JOIN generate_series(1, $3) n ON CONFLICT DO NOTHING`,
        [webhookId, status, attempts, eventId],
      );
    },

    async close() {
      await owner.end();
      await server.close();
    },
  };
}
