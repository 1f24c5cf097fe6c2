import { randomBytes } from "node:crypto";
import { type Context, requireRole } from "../../access/viewer.ts";
import { requireProjects } from "../../access/visibility.ts";
import { once } from "../../db/idempotency.ts";
import { badInput, forbidden } from "../../errors.ts";
import { append } from "../../log/append.ts";
import { ensureReader } from "../../log/pump.ts";
import { checkTypes } from "./types.ts";
import { readerOf, shownUrl } from "./webhook.ts";

export interface CreateWebhook {
  readonly url: string;
  /** null: every project, those yet to come and the server's own events too. */
  readonly projectIds?: readonly string[] | null | undefined;
  /** Types like `task.completed`, or `task.*`; null: every type. */
  readonly types?: readonly string[] | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

export interface CreatedWebhook {
  readonly webhookId: string;
  /** Shown this once; null in a replayed answer. */
  readonly secret: string | null;
  readonly replayed: boolean;
}

/**
 * Makes a webhook that gets what happens from now on. An admin that is limited to some projects makes webhooks for
 * those only.
 * @throws FORBIDDEN, BAD_USER_INPUT, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export async function createWebhook(ctx: Context, input: CreateWebhook): Promise<CreatedWebhook> {
  let secret: string | null = null;
  const answer = await once(ctx, { operation: "createWebhook", input }, async (inside) => {
    requireRole(inside.viewer, "admin");
    const url = checkUrl(input.url);
    const types = checkTypes(input.types);
    const projectIds = await checkProjects(inside, input.projectIds);
    const made = makeWebhookSecret();
    const webhookId = await insert(inside, { url, projectIds, types, secret: made });
    secret = made;
    // What is returned here is stored with the idempotency key: never the secret.
    return { webhookId };
  });
  return { ...answer, secret: answer.replayed ? null : secret };
}

/** A signing secret as Standard Webhooks writes it: 256 bits. */
export function makeWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}

interface NewWebhook {
  readonly url: string;
  readonly projectIds: readonly string[] | null;
  readonly types: readonly string[] | null;
  readonly secret: string;
}

async function insert(ctx: Context, { url, projectIds, types, secret }: NewWebhook): Promise<string> {
  const [row] = await ctx.db.write<{ webhook_id: string }>(
    `INSERT INTO webhooks (url, project_ids, event_types, secret, created_by) VALUES ($1, $2, $3, $4, $5)
     RETURNING webhook_id`,
    [url, projectIds, types, secret, ctx.viewer.actor],
  );
  if (!row) throw new Error("INSERT answered no row");
  await ensureReader(ctx.db, readerOf(row.webhook_id));
  await append(ctx, {
    type: "webhook.created",
    projectId: null,
    subjectType: "webhook",
    subjectId: row.webhook_id,
    payload: { url: shownUrl(url), projectIds, types },
  });
  return row.webhook_id;
}

const LONGEST_URL = 2000;

/** The URL as it will be called. */
function checkUrl(given: string): string {
  const url = URL.parse(given);
  if (!url || !["http:", "https:"].includes(url.protocol))
    throw badInput(
      `url must be one of https (or http), like https://example.com/docket, not ${JSON.stringify(given)}.`,
    );
  if (url.username !== "" || url.password !== "")
    throw badInput(
      "url must not hold a user or password: every admin would read it. What is sent is signed, which tells the receiver that it comes from here.",
    );
  if (url.href.length > LONGEST_URL)
    throw badInput(`url has ${url.href.length} characters; at most ${LONGEST_URL} are allowed.`);
  return url.href;
}

const MOST_PROJECTS = 1000;

async function checkProjects(ctx: Context, given: readonly string[] | null | undefined) {
  if (given == null) {
    const own = ctx.viewer.projectIds;
    if (own === null) return null;
    throw forbidden(
      `Your key is limited to ${own.join(", ")}: name projectIds among these, as a webhook cannot reach further than the key that makes it.`,
    );
  }
  const wanted = [...new Set(given)].sort();
  if (wanted.length === 0) throw badInput("projectIds must name at least one project; leave it out for every project.");
  if (wanted.length > MOST_PROJECTS)
    throw badInput(`projectIds may name ${MOST_PROJECTS} projects at most; leave it out for every project.`);
  await requireProjects(ctx, wanted);
  return wanted;
}
