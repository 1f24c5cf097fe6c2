import type { Viewer } from "../src/access/viewer.ts";
import { administers } from "../src/access/visibility.ts";
import { DEFAULT_SIZE } from "../src/db/page.ts";
import {
  countDeliveries,
  DELIVERY,
  type DeliveriesQuery,
  type DeliveryOrder,
  type WebhookDelivery as DeliveryShape,
  type DeliveryStatus,
  findDeliveries,
  findEvents,
  LATEST_DELIVERIES,
  lastAttempts,
  listDeliveries,
  listSendingAttempts,
  OLDEST_SENDING_ATTEMPTS,
  projectOf,
  type SendingAttempt,
  type SendingAttemptOrder,
  type SendingAttemptsQuery,
} from "../src/delivery/webhooks/deliveries.ts";
import type { Webhook as WebhookShape } from "../src/delivery/webhooks/webhook.ts";
import { builder } from "./builder.ts";
import { choiceEnum } from "./choice.ts";
import type { GraphQLContext } from "./context.ts";
import { Event } from "./event.ts";
import { loader } from "./loader.ts";
import { shownFields } from "./noun.ts";
import { orderInput } from "./order.ts";
import { Webhook } from "./webhook.ts";

const idOfWebhook = ({ webhookId }: WebhookShape) => webhookId;
const idsOf = (webhooks: readonly WebhookShape[]) => webhooks.map(idOfWebhook);

const loadDeliveries = loader({
  idOf: idOfWebhook,
  visible: administers,
  read: ({ db }, webhooks, query: DeliveriesQuery) => listDeliveries(db, idsOf(webhooks), query),
});

const loadTotal = loader({
  idOf: idOfWebhook,
  visible: administers,
  read: ({ db }, webhooks, { status }: DeliveriesQuery) => countDeliveries(db, idsOf(webhooks), status),
});

/** A delivery is shown only within its webhook. */
const ofDelivery = {
  idOf: ({ webhookId, eventId }: DeliveryShape) => `${webhookId} ${eventId}`,
  visible: ({ role }: Viewer) => role === "admin",
};

const loadAttempts = loader({
  ...ofDelivery,
  read: ({ db }, deliveries, query: SendingAttemptsQuery) => listSendingAttempts(db, deliveries, query),
});

const loadLastAttempt = loader({ ...ofDelivery, read: ({ db }, deliveries) => lastAttempts(db, deliveries) });

const loadEvent = loader({ ...ofDelivery, read: ({ db }, deliveries) => findEvents(db, deliveries) });

const WebhookDeliveryStatus = choiceEnum<DeliveryStatus>("WebhookDeliveryStatus", "How far a delivery has come.", {
  pending: "To be sent, or tried again at nextAttemptAt.",
  delivered: "The receiver answered that it has it (2xx).",
  dead: "Given up: a dead letter. replayWebhookDeliveries sends it again.",
});

const WebhookAttempt = builder.objectRef<SendingAttempt>("WebhookAttempt").implement({
  description: "What came of one attempt to send.",
  fields: (t) => ({
    attempt: t.exposeInt("attempt", {
      description: "Counts 1, 2, 3 … per delivery; a replay begins a new round of 14, at 15, 29 …",
    }),
    startedAt: t.expose("startedAt", { type: "DateTime", description: "By the database's clock." }),
    durationMs: t.exposeInt("durationMs", { description: "How long it took, in milliseconds." }),
    statusCode: t.exposeInt("statusCode", {
      nullable: true,
      description: "The HTTP status of the answer; null when there was none.",
    }),
    error: t.exposeString("error", { nullable: true, description: "Why it failed; null when it did not." }),
    response: t.exposeString("response", {
      nullable: true,
      description: "The beginning of the answer's body, at most 1000 characters.",
    }),
  }),
});

const WebhookAttemptOrder = orderInput<SendingAttemptOrder["field"]>("WebhookAttempt", {
  attempt: "One after the other: 1, 2, 3 …",
});

const WebhookDelivery = builder.prismaObject("WebhookDelivery", {
  description:
    "One event on its way to one webhook. Kept with its attempts for 30 days after it was delivered, 90 after it was given up.",
  fields: (t) => ({
    projectId: t.id({ nullable: true, description: "null for events of the server itself.", resolve: projectOf }),
    attempts: t.field({
      type: [WebhookAttempt],
      description: "The attempts that have ended, in pages.",
      args: {
        orderBy: t.arg({
          type: WebhookAttemptOrder,
          defaultValue: OLDEST_SENDING_ATTEMPTS,
          description: "Oldest first, unless told.",
        }),
        first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
        after: t.arg.int({ description: "`attempt` of the last one seen; without it from the first." }),
      },
      resolve: async (delivery, args, ctx) => (await loadAttempts(ctx, delivery, args)) ?? [],
    }),
    lastAttempt: t.field({
      type: WebhookAttempt,
      nullable: true,
      description: "The latest attempt that has ended; null before.",
      resolve: (delivery, _args, ctx) => loadLastAttempt(ctx, delivery),
    }),
    event: t.field({
      type: Event,
      nullable: true,
      description: "The event itself; null when that part of the log is no longer kept.",
      resolve: (delivery, _args, ctx) => loadEvent(ctx, delivery),
    }),
  }),
});
builder.nodeRef(WebhookDelivery, {
  id: { resolve: ({ webhookId, eventId }) => `${webhookId}/${eventId}` },
  loadMany: (ids: string[], ctx: GraphQLContext) =>
    findDeliveries(
      ctx,
      ids.map((id) => {
        const [webhookId = "", eventId = ""] = id.split("/");
        return { webhookId, eventId };
      }),
    ),
});
builder.objectFields(WebhookDelivery, (t) => shownFields(t, DELIVERY, { status: WebhookDeliveryStatus }));

const DeliveryOrderInput = orderInput<DeliveryOrder["field"]>("WebhookDelivery", {
  event: "As their events stand in the log.",
});

const WebhookDeliveryConnection = builder.connectionObject(
  { type: WebhookDelivery, name: "WebhookDeliveryConnection" },
  { name: "WebhookDeliveryEdge" },
);

builder.objectField(Webhook, "deliveries", (t) =>
  t.field({
    type: WebhookDeliveryConnection,
    nullable: true,
    description: "The delivery log. Errors: BAD_USER_INPUT.",
    args: {
      status: t.arg({ type: WebhookDeliveryStatus, description: "Only these; DEAD are the dead letters." }),
      orderBy: t.arg({
        type: DeliveryOrderInput,
        defaultValue: LATEST_DELIVERIES,
        description: "The latest event first, unless told.",
      }),
      first: t.arg.int({ defaultValue: DEFAULT_SIZE, description: "0 to 100." }),
      after: t.arg.string({ description: "pageInfo.endCursor of the page before." }),
    },
    resolve: async (webhook, args, ctx) => {
      const page = await loadDeliveries(ctx, webhook, args);
      return page && { ...page, totalCount: async () => (await loadTotal(ctx, webhook, { status: args.status })) ?? 0 };
    },
  }),
);
