import type { Owner } from "../../support/owner.ts";

const WEBHOOK =
  "webhookId url projectIds types pausedAt pauseReason oldSecretUntil actor createdBy pending dead behind";
export const change = (verb: string, more = "") =>
  `mutation ($id: ID!) { answer: ${verb}(input: {webhookId: $id${more}}) { webhook { ${WEBHOOK} } replayed } }`;
export const PAUSE = change("pauseWebhook");
export const RESUME = change("resumeWebhook");
export const DELETE = "mutation ($id: ID!) { deleteWebhook(input: {webhookId: $id}) { webhookId replayed } }";
export const ROTATE = `mutation ($id: ID!, $now: Boolean) {
  rotateWebhookSecret(input: {webhookId: $id, endOldSecretNow: $now}) { secret webhook { oldSecretUntil } replayed } }`;
export const ONE = `query ($id: ID!) { webhook(webhookId: $id) { ${WEBHOOK} } }`;
export const LIST =
  "query ($first: Int, $after: String) { webhooks(first: $first, after: $after) { totalCount nodes { url } pageInfo { endCursor hasNextPage } } }";

export interface Changed {
  readonly answer: { readonly webhook: Record<string, unknown>; readonly replayed: boolean };
}

/** Subjects of what is queued, in the order of the log. */
export async function queuedFor(owner: Owner, webhookId: string): Promise<string[]> {
  const { rows } = await owner.query<{ subject_id: string }>(
    "SELECT subject_id FROM webhook_deliveries WHERE webhook_id = $1 ORDER BY position",
    [webhookId],
  );
  return rows.map(({ subject_id }) => subject_id);
}

/** What the log tells of the webhook. */
export async function loggedOf(owner: Owner, webhookId: string, type = "webhook.%") {
  await owner.query("SELECT drain()");
  const { rows } = await owner.query(
    `SELECT event_type, project_id, subject_type, subject_id, payload FROM events
     WHERE subject_id = $1 AND event_type LIKE $2 ORDER BY position`,
    [webhookId, type],
  );
  return rows;
}
