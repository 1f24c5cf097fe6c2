import { nothing, verb } from "../../access/verb.ts";
import type { Context } from "../../access/viewer.ts";
import { checkProjects } from "../../access/visibility.ts";
import { badInput } from "../../errors.ts";
import { ensureReader } from "../../log/sinks/pump.ts";
import { checkTypes } from "./types.ts";
import { type ChangedWebhook, makeWebhookSecret, readerOf, shownUrl, tell } from "./webhook.ts";

export interface CreateWebhook {
  readonly url: string;
  /** null: every project, those yet to come and the server's own events too. */
  readonly projectIds?: readonly string[] | null | undefined;
  /** Types like `task.completed`, or `task.*`; null: every type. */
  readonly types?: readonly string[] | null | undefined;
}

export interface CreatedWebhook extends ChangedWebhook {
  /** Shown this once; null in a replayed answer. */
  readonly secret: string | null;
}

const MOST_PROJECTS = 1000;

/**
 * Makes a webhook that gets what happens from now on. An admin that is limited to some projects makes webhooks for
 * those only.
 * @throws FORBIDDEN, BAD_USER_INPUT, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED
 */
export const createWebhook = verb(
  { name: "createWebhook", role: "admin", effect: "adds", scope: "projects", idempotent: false, on: nothing },
  async (ctx, input: CreateWebhook): Promise<CreatedWebhook> => {
    const url = checkUrl(input.url);
    const types = checkTypes(input.types);
    const projectIds = await checkProjects(ctx, "webhook", input.projectIds);
    if (projectIds && projectIds.length > MOST_PROJECTS)
      throw badInput(`projectIds may name ${MOST_PROJECTS} projects at most; leave it out for every project.`);
    requireReachable(projectIds, types);
    const secret = makeWebhookSecret();
    const webhookId = await insert(ctx, { url, projectIds, types, secret });
    return { webhookId, projectIds, secret };
  },
  (created) => ({ ...created, secret: null }),
);

/** Nouns whose events belong to no project. */
const OF_SERVER = /^(key|webhook)\./;

function requireReachable(projectIds: readonly string[] | null, types: readonly string[] | null): void {
  if (projectIds !== null && types?.every((type) => OF_SERVER.test(type)))
    throw badInput(
      `${types.join(", ")} are events of the server and belong to no project: leave projectIds out, or ask for other types.`,
    );
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
  const payload = { url: shownUrl(url), projectIds, types };
  await tell(ctx, row.webhook_id, { type: "webhook.created", payload });
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
