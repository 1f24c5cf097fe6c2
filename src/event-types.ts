/**
 * Everything that can happen, and what it does: `creates` and `deletes` carry the whole thing in their payload,
 * `changes` what each field of its subject was and is (`changes`), so that it can be undone; `tells` leaves its subject
 * as it is.
 */
export const EVENTS = [
  { type: "project.created", effect: "creates" },
  { type: "project.configured", effect: "changes" },
  { type: "project.paused", effect: "changes" },
  { type: "project.resumed", effect: "changes" },
  { type: "project.budget_low", effect: "tells" },
  { type: "project.budget_spent", effect: "changes" },
  { type: "project.budget_available", effect: "changes" },
  { type: "project.archived", effect: "changes" },
  { type: "project.unarchived", effect: "changes" },
  { type: "task.created", effect: "creates" },
  { type: "task.updated", effect: "changes" },
  { type: "task.dependency_added", effect: "tells" },
  { type: "task.dependency_removed", effect: "tells" },
  { type: "task.blocked", effect: "tells" },
  { type: "task.unblocked", effect: "tells" },
  { type: "task.parked", effect: "changes" },
  { type: "task.unparked", effect: "changes" },
  { type: "task.claimed", effect: "changes" },
  { type: "task.checkpointed", effect: "changes" },
  { type: "task.stalled", effect: "tells" },
  { type: "task.completed", effect: "changes" },
  { type: "task.released", effect: "changes" },
  { type: "task.lease_expired", effect: "changes" },
  { type: "task.reset", effect: "changes" },
  { type: "task.deleted", effect: "deletes" },
  { type: "task.reminder.triggered", effect: "changes" },
  { type: "task.reminder.acknowledged", effect: "changes" },
  { type: "task.archived", effect: "changes" },
  { type: "task.recurrence_paused", effect: "changes" },
  { type: "task.recurrence_resumed", effect: "changes" },
  { type: "task.occurrence_skipped", effect: "tells" },
  { type: "task.restored", effect: "changes" },
  { type: "ids.reserved", effect: "creates" },
  { type: "ids.assigned", effect: "creates" },
  { type: "ids.registered", effect: "creates" },
  { type: "ids.confirmed", effect: "changes" },
  { type: "ids.extended", effect: "changes" },
  { type: "ids.released", effect: "changes" },
  { type: "ids.expired", effect: "changes" },
  { type: "ids.voided", effect: "deletes" },
  { type: "vendor.created", effect: "creates" },
  { type: "vendor.updated", effect: "changes" },
  { type: "deployment.recorded", effect: "creates" },
  { type: "configuration.updated", effect: "changes" },
  { type: "enhancement.created", effect: "creates" },
  { type: "enhancement.updated", effect: "changes" },
  { type: "key.created", effect: "creates" },
  { type: "key.rotated", effect: "changes" },
  { type: "key.revoked", effect: "changes" },
  { type: "webhook.created", effect: "creates" },
  { type: "webhook.paused", effect: "changes" },
  { type: "webhook.resumed", effect: "changes" },
  { type: "webhook.deleted", effect: "deletes" },
  { type: "webhook.secret_rotated", effect: "changes" },
  { type: "webhook.deliveries_replayed", effect: "tells" },
] as const satisfies readonly { readonly type: string; readonly effect: "creates" | "changes" | "deletes" | "tells" }[];

type Event = (typeof EVENTS)[number];

/** As `type` of an event. */
export type EventType = Event["type"];
/** Of events that carry `changes` in any case. */
export type ChangingEventType = Extract<Event, { readonly effect: "changes" }>["type"];

export const EVENT_TYPES: readonly EventType[] = EVENTS.map(({ type }) => type);

/** What happens to reservations and artifact IDs. */
export const RESERVATION_EVENTS: readonly EventType[] = EVENT_TYPES.filter((type) => type.startsWith("ids."));

/** What an event can be about, as its `subjectType`. */
export const SUBJECT_TYPES = [
  "project",
  "task",
  "reservation",
  "artifact_id",
  "vendor",
  "deployment",
  "configuration",
  "enhancement",
  "api_key",
  "webhook",
] as const;

export type SubjectType = (typeof SUBJECT_TYPES)[number];
