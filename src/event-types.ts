/** Everything that can happen, as `type` of its event. */
export const EVENT_TYPES = [
  "project.created",
  "project.configured",
  "project.archived",
  "project.unarchived",
  "task.created",
  "task.updated",
  "task.claimed",
  "task.checkpointed",
  "task.completed",
  "task.released",
  "task.lease_expired",
  "task.reset",
  "task.deleted",
  "ids.reserved",
  "ids.assigned",
  "ids.registered",
  "ids.confirmed",
  "ids.extended",
  "ids.released",
  "ids.expired",
  "ids.voided",
  "key.created",
  "key.revoked",
  "webhook.created",
  "webhook.paused",
  "webhook.resumed",
  "webhook.deleted",
  "webhook.secret_rotated",
  "webhook.deliveries_replayed",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** What happens to reservations and artifact IDs. */
export const RESERVATION_EVENTS: readonly EventType[] = EVENT_TYPES.filter((type) => type.startsWith("ids."));

/** What an event can be about, as its `subjectType`. */
export type SubjectType = "project" | "task" | "reservation" | "artifact_id" | "api_key" | "webhook";
