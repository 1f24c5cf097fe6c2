import type { GraphQLResolveInfo } from "graphql";
import type { OrderBy } from "../src/db/order.ts";
import { DEFAULT_SIZE, LARGEST_SIZE } from "../src/db/page.ts";
import { badInput } from "../src/errors.ts";
import { prefixOf } from "../src/keys/names.ts";
import type { EventFrame as Frame } from "../src/log/live/frames.ts";
import type { LoggedEvent } from "../src/log/read/event.ts";
import type { EventPage as EventPageShape, HistoryQuery } from "../src/log/read/history.ts";
import type { Changes } from "../src/log/write/changes.ts";
import { type ArgumentBuilder, builder } from "./builder.ts";
import { listSize } from "./cost.ts";
import { loadKeyName, taskOf, workerOf } from "./event-people.ts";
import { orderInput } from "./order.ts";
import { selectedBelow } from "./selection.ts";
import { loadTask, longOf } from "./task/load.ts";
import { Task } from "./task/task.ts";

export const FieldChange = builder.objectRef<{ field: string; old: unknown; new: unknown }>("FieldChange").implement({
  description: "One field that a change moved, with its old and its new value.",
  fields: (t) => ({
    field: t.exposeString("field", { description: "Its name in GraphQL." }),
    old: t.expose("old", { type: "JSON", nullable: true, description: "Before the change." }),
    new: t.expose("new", { type: "JSON", nullable: true, description: "After the change." }),
  }),
});

/** Changes as a list. */
export const fieldChanges = (changes: Partial<Changes>) =>
  Object.entries(changes).map(([field, change]) => ({ field, old: change?.old, new: change?.new }));

interface OfReminder {
  readonly reminderId: string;
  readonly offset: string;
  readonly triggerAt: Date;
  readonly dueDate: Date;
}

const EventReminder = builder.objectRef<OfReminder>("EventReminder").implement({
  description: "The reminder that was triggered, as it was then.",
  fields: (t) => ({
    reminderId: t.exposeID("reminderId", { description: "acknowledgeReminder takes it." }),
    offset: t.exposeString("offset", { description: "How long before the due date, as it was given, like 1 hour." }),
    triggerAt: t.expose("triggerAt", { type: "DateTime", description: "When it was to be triggered." }),
    dueDate: t.expose("dueDate", { type: "DateTime", description: "When the task was due." }),
  }),
});

function reminderOf({ type, payload }: LoggedEvent): OfReminder | null {
  if (type !== "task.reminder.triggered") return null;
  const { reminderId, offset, triggerAt, dueDate } = payload;
  return {
    reminderId: String(reminderId),
    offset: String(offset),
    triggerAt: new Date(String(triggerAt)),
    dueDate: new Date(String(dueDate)),
  };
}

export const Event = builder.node(builder.objectRef<LoggedEvent>("Event"), {
  description: "What happened, to what, by whom and when: one row of the log, which nobody can change.",
  id: { resolve: (event, _args, { log }) => log.idOf(event) },
  loadMany: (ids: string[], { log, viewer }) => log.find(viewer, ids),
  fields: (t) => ({
    eventId: t.exposeID("eventId", { description: "The same wherever the event is delivered, to recognise it by." }),
    number: t.expose("number", {
      type: "SafeInt",
      description: "Counts 1, 2, 3 … within its project without holes: who has them all has missed nothing.",
    }),
    cursor: t.string({
      description: "The place in the log right after it: what came later is asked for with it as `after`.",
      resolve: (event, _args, { log }) => log.idOf(event),
    }),
    type: t.exposeString("type", { description: "Like task.created, task.claimed, ids.reserved." }),
    projectId: t.exposeID("projectId", { nullable: true, description: "null for events of the server itself." }),
    subjectType: t.exposeString("subjectType", { description: "What it happened to: task, reservation, project …" }),
    subjectId: t.exposeString("subjectId", { description: "The subject's id, like TASK-046." }),
    taskId: t.id({
      nullable: true,
      description: "The subject's id when it is a task.",
      resolve: (event) => taskOf(event)?.taskId,
    }),
    task: t.field({
      type: Task,
      nullable: true,
      description:
        "The task as it is now, not as it was then (that is in payload); deleted ones too. null when it is not about a task.",
      resolve: (event, _args, ctx, info) => {
        const task = taskOf(event);
        return task && loadTask(ctx, task, { long: longOf(info) }, ctx.asOf && event.position);
      },
    }),
    actor: t.exposeString("actor", { description: "The key, or token subject, that did it." }),
    keyName: t.string({
      nullable: true,
      description: "The name that this key has now; null when a token, or the server itself, did it.",
      resolve: ({ actor, position }, _args, ctx) => {
        const prefix = prefixOf(actor);
        return prefix === null ? null : loadKeyName(ctx, prefix, undefined, ctx.asOf && position);
      },
    }),
    worker: t.string({
      nullable: true,
      description: "The worker whose attempt it is about, by the name that it gave; null when it is about none.",
      resolve: (event, _args, ctx) => workerOf(event, ctx),
    }),
    client: t.exposeString("client", { nullable: true, description: "The session it was done from, if it said." }),
    occurredAt: t.expose("occurredAt", { type: "DateTime", description: "By the database's clock." }),
    correlationId: t.exposeString("correlationId", {
      nullable: true,
      description: "The id of the request that did it; stands in the server's own log, too.",
    }),
    payload: t.expose("payload", {
      type: "JSON",
      description: "What the type carries: created, completed and deleted the whole task, every change its `changes`.",
    }),
    artifactIds: t.idList({
      description: "The artifact IDs that it reserved, gave, kept or gave back; empty for other types.",
      resolve: ({ type, payload: { ids } }) => (type.startsWith("ids.") && Array.isArray(ids) ? ids.map(String) : []),
    }),
    reminder: t.field({
      type: EventReminder,
      nullable: true,
      description: "Of task.reminder.triggered the reminder; null for other types.",
      resolve: reminderOf,
    }),
    changes: t.field({
      type: [FieldChange],
      description:
        "What is another now, field by field, whoever changed it; empty where something was made, or nothing of it changed.",
      // It is read with its event.
      extensions: listSize(0),
      resolve: ({ payload }) => fieldChanges((payload["changes"] ?? {}) as Partial<Changes>),
    }),
  }),
});

/** Whether an event's payload, which may be long, is needed for what is selected below the field. */
const readsPayload = (info: GraphQLResolveInfo): boolean =>
  selectedBelow(info, "Event", ["payload", "artifactIds", "changes", "worker", "reminder"]).length > 0;

/** @throws BAD_USER_INPUT for a page of the log that is asked for in the frames of a subscription. */
export function refuseInFrames({ fieldName, operation }: GraphQLResolveInfo): void {
  if (operation.operation === "subscription")
    throw badInput(
      `${fieldName} is not for subscriptions: their frames are the history. Query it once beside logCursor.`,
    );
}

export const EventPage = builder.objectRef<EventPageShape>("EventPage").implement({
  description: "A page of the log. Not a Relay connection: the log grows only at its end.",
  fields: (t) => ({
    events: t.expose("events", { type: [Event], description: "In the order asked for; may be empty." }),
    cursor: t.exposeString("cursor", {
      description:
        "The place scanned to, also when nothing matched: pass it as `after` to go on. It lies between two events, so that one can also turn round there.",
    }),
    caughtUp: t.exposeBoolean("caughtUp", {
      description:
        "Whether this is the end of the log, or of what `until` asks for; newest first the oldest kept, or what `since` asks for. " +
        "If not, ask again with the cursor, even if events is empty.",
    }),
  }),
});

const EventOrder = orderInput("Event", {
  position: "Their place in the log: as they were committed, and numbered within their project.",
});

const OLDEST_FIRST = { field: "position", direction: "ASC" } as const;

/** The arguments of every field that answers a page of the log, beside what narrows it. */
export const pageOfLog = ({ arg: t }: ArgumentBuilder) => ({
  first: t.int({ defaultValue: DEFAULT_SIZE, description: "How many events at most: 1 to 100." }),
  after: t.string({
    description: "A cursor; without it from the oldest event kept, or newest first from the end of the log.",
  }),
  orderBy: t({ type: EventOrder, defaultValue: OLDEST_FIRST, description: "Oldest first, unless told." }),
});

interface PageOfLog {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly orderBy?: OrderBy<"position"> | null | undefined;
}

/** What of the log those arguments ask for, and the field's selection. */
export const historyQuery = ({ first, after, orderBy }: PageOfLog, info: GraphQLResolveInfo): HistoryQuery => ({
  after: after ?? null,
  first: first ?? DEFAULT_SIZE,
  direction: orderBy?.direction,
  payload: readsPayload(info),
});

export const EventFrame = builder.objectRef<Frame>("EventFrame").implement({
  description: "What came since the last frame. At most 10 a second; an empty one every 15 s shows that it lives.",
  fields: (t) => ({
    events: t.expose("events", {
      type: [Event],
      description: "Oldest first, each exactly once; may be empty.",
      // A burst may bring ten times as many, where that is still within what an operation may cost.
      extensions: listSize(LARGEST_SIZE),
    }),
    cursor: t.exposeString("cursor", {
      description: "The place after these events. To resume without a gap, subscribe with the last one as `after`.",
    }),
    caughtUp: t.exposeBoolean("caughtUp", {
      description: "Whether these are all there were when the frame was made; false while it catches up.",
    }),
  }),
});

export const CURSOR_FAULTS =
  "CURSOR_EXPIRED when the log no longer has that place: query again together with logCursor, and go on after that.";
