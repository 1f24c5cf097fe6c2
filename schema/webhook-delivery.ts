import DataLoader from "dataloader";
import { pageSize } from "../src/db/page.ts";
import {
  type Attempt,
  type DeliveriesQuery,
  type DeliveryPage,
  findAttempts,
  findEvents,
  type LoggedDelivery,
  listDeliveries,
} from "../src/delivery/webhooks/deliveries.ts";
import { DocketError } from "../src/errors.ts";
import type { LoggedEvent } from "../src/log/event.ts";
import { builder } from "./builder.ts";
import type { GraphQLContext } from "./context.ts";
import { Event } from "./event.ts";
import { Webhook } from "./webhook.ts";

/** Deliveries that the logs of one request may hold together, if each page were full. */
const MOST_DELIVERIES = 5_000;

/**
 * One statement each for all the webhooks and deliveries of a request. Without a cache, so that a mutation's payload
 * shows what the mutation did.
 */
class Loaders {
  readonly #ctx: GraphQLContext;
  readonly #pages = new Map<string, DataLoader<string, DeliveryPage>>();
  readonly attempts: DataLoader<LoggedDelivery, Attempt[]>;
  readonly lastAttempt: DataLoader<LoggedDelivery, Attempt[]>;
  readonly events: DataLoader<LoggedDelivery, LoggedEvent | null>;
  #asked = 0;

  constructor(ctx: GraphQLContext) {
    this.#ctx = ctx;
    this.attempts = new DataLoader((deliveries) => findAttempts(ctx.db, deliveries, null), { cache: false });
    this.lastAttempt = new DataLoader((deliveries) => findAttempts(ctx.db, deliveries, 1), { cache: false });
    this.events = new DataLoader((deliveries) => findEvents(ctx.db, deliveries), { cache: false });
  }

  page(webhookId: string, query: DeliveriesQuery): Promise<DeliveryPage> {
    const choice = JSON.stringify(query);
    const loader = this.#pages.get(choice) ?? new DataLoader((ids) => this.#read(ids, query), { cache: false });
    this.#pages.set(choice, loader);
    return loader.load(webhookId);
  }

  /** All or none, so that nobody takes what was cut off for the end. */
  async #read(webhookIds: readonly string[], query: DeliveriesQuery): Promise<DeliveryPage[]> {
    const size = pageSize(query.first);
    this.#asked += webhookIds.length * size;
    if (this.#asked > MOST_DELIVERIES)
      throw new DocketError(
        "QUERY_TOO_COMPLEX",
        `This request asks for the delivery logs of ${webhookIds.length} webhooks with ${size} deliveries each; all of one ` +
          `request may come to ${MOST_DELIVERIES}. Ask for fewer webhooks or a smaller first.`,
      );
    return listDeliveries(this.#ctx, webhookIds, query);
  }
}

const ofRequest = new WeakMap<GraphQLContext, Loaders>();

function loadersOf(ctx: GraphQLContext): Loaders {
  const loaders = ofRequest.get(ctx) ?? new Loaders(ctx);
  ofRequest.set(ctx, loaders);
  return loaders;
}

const WebhookDeliveryStatus = builder.enumType("WebhookDeliveryStatus", {
  description: "How far a delivery has come.",
  values: {
    PENDING: { value: "pending", description: "To be sent, or tried again at nextAttemptAt." },
    DELIVERED: { value: "delivered", description: "The receiver answered that it has it (2xx)." },
    DEAD: { value: "dead", description: "Given up: a dead letter. replayWebhookDeliveries sends it again." },
  } as const,
});

const WebhookAttempt = builder.objectRef<Attempt>("WebhookAttempt").implement({
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

const WebhookDelivery = builder.objectRef<LoggedDelivery>("WebhookDelivery").implement({
  description:
    "One event on its way to one webhook. Kept with its attempts for 30 days after it was delivered, 90 after it was given up.",
  fields: (t) => ({
    eventId: t.exposeID("eventId", {
      description:
        "The event's id, sent as webhook-id and as the CloudEvent's id. Names it in replayWebhookDeliveries.",
    }),
    eventType: t.exposeString("eventType", { description: "Like task.completed." }),
    projectId: t.exposeID("projectId", { nullable: true, description: "null for events of the server itself." }),
    subjectType: t.exposeString("subjectType", { description: "What it happened to: task, reservation, project …" }),
    subjectId: t.exposeString("subjectId", { description: "The subject's id, like TASK-046." }),
    status: t.expose("status", { type: WebhookDeliveryStatus, description: "How far it has come." }),
    attempts: t.field({
      type: [WebhookAttempt],
      description: "Every attempt that has ended, oldest first. More than 5000 together: QUERY_TOO_COMPLEX.",
      resolve: (delivery, _args, ctx) => loadersOf(ctx).attempts.load(delivery),
    }),
    lastAttempt: t.field({
      type: WebhookAttempt,
      nullable: true,
      description: "The latest attempt that has ended; null before.",
      resolve: async (delivery, _args, ctx) => (await loadersOf(ctx).lastAttempt.load(delivery)).at(0),
    }),
    nextAttemptAt: t.expose("nextAttemptAt", {
      type: "DateTime",
      nullable: true,
      description:
        "When it is sent, or sent again, at the earliest; while an attempt is under way, when that counts as lost. null unless PENDING.",
    }),
    queuedAt: t.expose("queuedAt", { type: "DateTime", description: "When it was queued for the webhook." }),
    endedAt: t.expose("endedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was delivered or given up; null while PENDING.",
    }),
    event: t.field({
      type: Event,
      nullable: true,
      description: "The event itself; null when that part of the log is no longer kept.",
      resolve: (delivery, _args, ctx) => loadersOf(ctx).events.load(delivery),
    }),
  }),
});

const WebhookDeliveryConnection = builder.connectionObject(
  { type: WebhookDelivery, name: "WebhookDeliveryConnection" },
  { name: "WebhookDeliveryEdge" },
);

builder.objectField(Webhook, "deliveries", (t) =>
  t.field({
    type: WebhookDeliveryConnection,
    nullable: true,
    description: `The delivery log: the latest event first. Of a list of webhooks at most ${MOST_DELIVERIES} deliveries together, else QUERY_TOO_COMPLEX. Errors: BAD_USER_INPUT, QUERY_TOO_COMPLEX.`,
    args: {
      status: t.arg({ type: WebhookDeliveryStatus, description: "Only these; DEAD are the dead letters." }),
      first: t.arg.int({ description: "At most 100; 50 unless told." }),
      after: t.arg.string({ description: "pageInfo.endCursor of the page before." }),
    },
    resolve: ({ webhookId }, { status, first, after }, ctx) => loadersOf(ctx).page(webhookId, { status, first, after }),
  }),
);
