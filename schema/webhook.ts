import { administers } from "../src/access/visibility.ts";
import { createWebhook } from "../src/delivery/webhooks/create.ts";
import { deleteWebhook } from "../src/delivery/webhooks/delete.ts";
import { findWebhook, findWebhooks, requireWebhook, webhooksNow } from "../src/delivery/webhooks/find.ts";
import {
  listWebhooks,
  NEWEST_WEBHOOKS,
  type Progress,
  progressOf,
  type WebhookOrder,
} from "../src/delivery/webhooks/list.ts";
import { pauseWebhook } from "../src/delivery/webhooks/pause.ts";
import { replayWebhookDeliveries } from "../src/delivery/webhooks/replay.ts";
import { resumeWebhook } from "../src/delivery/webhooks/resume.ts";
import { rotateWebhookSecret } from "../src/delivery/webhooks/rotate-secret.ts";
import { WEBHOOK, type Webhook as WebhookShape } from "../src/delivery/webhooks/webhook.ts";
import { builder, type FieldBuilder, type InputBuilder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { loader } from "./loader.ts";
import { mutation } from "./mutation.ts";
import { shownFields } from "./noun.ts";
import { orderInput } from "./order.ts";
import { administeredSubject } from "./subject.ts";

const loadProgress = loader({
  idOf: ({ webhookId }: WebhookShape) => webhookId,
  visible: administers,
  read: ({ db }, webhooks) =>
    progressOf(
      db,
      webhooks.map(({ webhookId }) => webhookId),
    ),
});

/** Nothing is left of a webhook that was deleted since it was read. */
const progress = async (webhook: WebhookShape, ctx: GraphQLContext): Promise<Progress> =>
  (await loadProgress(ctx, webhook)) ?? { pending: 0, dead: 0, behind: false, oldSecretUntil: null };

export const Webhook = builder.prismaObject("Webhook", {
  description:
    "Carries events to a URL as they happen: one signed POST per event, a CloudEvents 1.0 document, each at least once, those of one subject in order. It outlives the key that made it.",
  fields: (t) => ({
    oldSecretUntil: t.field({
      type: "DateTime",
      nullable: true,
      description: "Until when the secret before the last rotation signs as well; null: only the newest signs.",
      resolve: async (webhook, _args, ctx) => (await progress(webhook, ctx)).oldSecretUntil,
    }),
    actor: t.exposeString("createdBy", { description: "The key, or token subject, that made it." }),
    createdBy: t.exposeString("createdBy", {
      description: "Same as actor.",
      deprecationReason: "Of a task, createdBy is the session; use actor.",
    }),
    pending: t.int({
      description:
        "Deliveries queued and not done yet, those that wait for their next attempt too. At most 1,000 or so are queued; the rest waits in the log.",
      resolve: async (webhook, _args, ctx) => (await progress(webhook, ctx)).pending,
    }),
    dead: t.int({
      description: "Deliveries given up after their last attempt: replayWebhookDeliveries sends them again.",
      resolve: async (webhook, _args, ctx) => (await progress(webhook, ctx)).dead,
    }),
    behind: t.boolean({
      description:
        "Whether the log holds more of its projects that is not queued yet: while it is paused, while 1,000 are pending, and where no process runs the webhooks job.",
      resolve: async (webhook, _args, ctx) => (await progress(webhook, ctx)).behind,
    }),
  }),
});
builder.objectFields(Webhook, (t) => shownFields(t, WEBHOOK, {}));
administeredSubject(Webhook, "webhook", {
  idOf: ({ webhookId }) => webhookId,
  find: findWebhooks,
  now: webhooksNow,
});

const WebhookOrderInput = orderInput<WebhookOrder["field"]>("Webhook", {
  createdAt: "When it was made.",
  url: "By URL.",
});

builder.queryFields((t) => ({
  webhooks: t.connection(
    {
      type: Webhook,
      nullable: true,
      description:
        "Webhooks, newest first; 50 unless told, at most 100. For admins; an admin that is limited to some projects sees the webhooks that reach no further. All dead letters: webhooks { nodes { url deliveries(status: DEAD) { nodes { eventId lastAttempt { error } } } } }. Errors: FORBIDDEN, BAD_USER_INPUT.",
      args: {
        orderBy: t.arg({
          type: WebhookOrderInput,
          defaultValue: NEWEST_WEBHOOKS,
          description: "Newest first, unless told.",
        }),
      },
      resolve: (_, args, ctx) => listWebhooks(ctx, args),
    },
    { name: "WebhookConnection" },
    { name: "WebhookEdge" },
  ),
  webhook: t.field({
    type: Webhook,
    nullable: true,
    description: "One webhook. For admins. Errors: FORBIDDEN, NOT_FOUND when there is none that you see.",
    args: { webhookId: t.arg.id({ required: true, description: "webhookId, from webhooks." }) },
    resolve: (_, { webhookId }, ctx) => requireWebhook(ctx, webhookId),
  }),
}));

/** The webhook of a mutation's result. */
const webhookOf = <Parent extends { readonly webhookId: string }>(t: FieldBuilder<Parent>) =>
  t.field({
    type: Webhook,
    nullable: true,
    description: "As it is now; null in a replayed answer when it was deleted since.",
    resolve: ({ webhookId }, _args, ctx) => findWebhook(ctx, webhookId),
  });

const secretOf = <Parent extends { readonly secret: string | null }>(t: FieldBuilder<Parent>) =>
  t.string({
    nullable: true,
    description:
      "Shown this once: keep it where the receiver verifies its requests, by any library of Standard Webhooks. null in a replayed answer.",
    resolve: ({ secret }) => secret,
  });

const ERRORS = "For admins. Errors: FORBIDDEN, NOT_FOUND, IDEMPOTENCY_KEY_REUSED.";

const address = (t: InputBuilder) => ({
  webhookId: t.id({ required: true, description: "webhookId of the webhook, from webhooks." }),
});

mutation(createWebhook, {
  description:
    "Makes a webhook for what happens from now on. For admins; an admin that is limited to some projects makes webhooks for those only. Errors: FORBIDDEN, BAD_USER_INPUT, PROJECT_NOT_FOUND, IDEMPOTENCY_KEY_REUSED.",
  input: (t) => ({
    url: t.string({
      required: true,
      description:
        "Where to send, https recommended, without user and password, at most 2000 characters. A private address is called only where the server's configuration allows it.",
    }),
    projectIds: t.idList({
      description:
        "The only projects whose events it gets; left out: every project, those yet to come too, and the server's own events (key.*, webhook.*).",
    }),
    types: t.stringList({
      description:
        "The only event types it gets, like task.completed, or task.* for all of tasks; left out: every type. BAD_USER_INPUT lists them.",
    }),
  }),
  payload: (t) => ({ webhook: webhookOf(t), secret: secretOf(t) }),
});

mutation(pauseWebhook, {
  description: `Sends nothing more to a webhook until resumeWebhook; what happens meanwhile is kept for it. Done again it changes nothing. ${ERRORS}`,
  input: address,
  payload: (t) => ({ webhook: webhookOf(t) }),
});

mutation(resumeWebhook, {
  description: `Goes on with a paused webhook where it stopped: what is pending is sent at once, then all that happened meanwhile. Of one that is not paused it changes nothing. ${ERRORS}`,
  input: address,
  payload: (t) => ({ webhook: webhookOf(t) }),
});

mutation(deleteWebhook, {
  description: `Ends a webhook for good, with its secret, its delivery log and what it has not sent yet; pauseWebhook keeps them. ${ERRORS}`,
  input: address,
  payload: (t) => ({ webhookId: t.exposeID("webhookId", { description: "Of the webhook that is no more." }) }),
});

mutation(rotateWebhookSecret, {
  description: `Gives a webhook a new secret. The old one signs as well for 24 hours, so that no receiver misses the change. ${ERRORS}`,
  input: (t) => ({
    ...address(t),
    endOldSecretNow: t.boolean({
      description:
        "true: the old secret ends at once, because others know it; what is sent until the receiver has the new one fails and is tried again.",
    }),
  }),
  payload: (t) => ({ webhook: webhookOf(t), secret: secretOf(t) }),
});

mutation(replayWebhookDeliveries, {
  description: `Sends deliveries again, at once (of a paused webhook once it goes on): dead letters, or delivered ones that the receiver has lost. Each gets a full round of attempts. At most 1,000 per call. ${ERRORS}`,
  input: (t) => ({
    ...address(t),
    eventIds: t.idList({
      description: "eventId of dead or delivered ones, at most 1,000, from deliveries of the webhook.",
    }),
    allDead: t.boolean({ description: "true: every dead one, the oldest 1,000 first." }),
  }),
  payload: (t) => ({
    webhook: webhookOf(t),
    deliveries: t.exposeInt("deliveries", {
      description: "How many are sent again; what was pending anyway is not counted.",
    }),
    deadLeft: t.exposeInt("deadLeft", {
      description:
        "How many of the webhook's deliveries are still dead: call again with a new idempotencyKey for more.",
    }),
  }),
});
